/**
 * The largest flow from one node of a network to another (Dinic 1970): as long as there is a way, all shortest ways are
 * filled at once, which happens at most once for each node.
 */

/** A directed edge. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  /** ≥ 0 */
  readonly capacity: number;
}

export interface FlowNetwork {
  /** The value of the largest flow. Each call starts from an empty network. */
  maxFlow(source: number, sink: number): number;
}

/** Capacities below this, of edges that are filled, are rounding. */
const NOTHING = 1e-12;

export function createFlowNetwork(nodes: number, edges: readonly Edge[]): FlowNetwork {
  const usable = edges.filter(({ capacity }) => capacity > 0);
  // Edge 2 e and its reverse 2 e + 1 are listed at the nodes that they leave.
  const head = new Int32Array(nodes).fill(-1);
  const next = new Int32Array(2 * usable.length);
  const to = new Int32Array(2 * usable.length);
  const capacities = new Float64Array(2 * usable.length);
  for (const [e, edge] of usable.entries()) {
    for (const [half, from, target] of [
      [2 * e, edge.from, edge.to],
      [2 * e + 1, edge.to, edge.from],
    ] as const) {
      to[half] = target;
      next[half] = head[from] ?? -1;
      head[from] = half;
    }
    capacities[2 * e] = edge.capacity;
  }

  return {
    maxFlow(source, sink) {
      if (source === sink) return Number.POSITIVE_INFINITY;
      const left = capacities.slice();
      const levels = new Int32Array(nodes);
      let total = 0;
      while (findLevels(left, levels, source, sink)) total += fill(left, levels, source, sink);
      return total;
    },
  };

  /** Distances from the source along edges that are not full; whether the sink can be reached. */
  function findLevels(left: Float64Array, levels: Int32Array, source: number, sink: number): boolean {
    levels.fill(-1);
    levels[source] = 0;
    const queue = [source];
    for (const node of queue) {
      for (let e = head[node] ?? -1; e >= 0; e = next[e] ?? -1) {
        const target = to[e] ?? 0;
        if ((left[e] ?? 0) <= NOTHING || levels[target] !== -1) continue;
        levels[target] = (levels[node] ?? 0) + 1;
        queue.push(target);
      }
    }
    return levels[sink] !== -1;
  }

  /** Fills shortest ways until each has a full edge; what has arrived. */
  function fill(left: Float64Array, levels: Int32Array, source: number, sink: number): number {
    const current = head.slice();
    const send = (node: number, most: number): number => {
      if (node === sink) return most;
      let sent = 0;
      for (; (current[node] ?? -1) >= 0; current[node] = next[current[node] ?? 0] ?? -1) {
        const e = current[node] ?? 0;
        const target = to[e] ?? 0;
        if ((left[e] ?? 0) <= NOTHING || levels[target] !== (levels[node] ?? 0) + 1) continue;
        const arrived = send(target, Math.min(most - sent, left[e] ?? 0));
        left[e] = (left[e] ?? 0) - arrived;
        left[e ^ 1] = (left[e ^ 1] ?? 0) + arrived;
        sent += arrived;
        // The edge may have room left: it is looked at again when more arrives.
        if (most - sent <= NOTHING) break;
      }
      return sent;
    };
    return send(source, Number.POSITIVE_INFINITY);
  }
}
