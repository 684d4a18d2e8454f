/** The version of this library, as it goes into results. A test compares it with package.json. */
export const version = "0.1.0";
