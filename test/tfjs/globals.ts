/** jasmine's functions as the globals that TensorFlow.js's tests expect; to be imported before them. */

import jasmineRequire from "jasmine-core/lib/jasmine-core/jasmine.js";

const jasmine = jasmineRequire.core(jasmineRequire);
Object.assign(globalThis, { jasmine, ...jasmineRequire.interface(jasmine, jasmine.getEnv()) });
