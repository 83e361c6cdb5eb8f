const lowest = 10_000;
/** With the highest of our ports it stays below those that the system gives away. */
const highest = 22_000;

/** Moves our ports by default, which somebody at this machine may be using right now, to where hardly anybody has any. */
export function portOffset() {
  return lowest + Math.floor(Math.random() * (highest - lowest));
}
