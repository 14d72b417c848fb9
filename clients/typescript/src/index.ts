/** What programs use: the client, what it follows, and the types of everything that is served. */

export { Client } from "./client.js";
export { follow, Refused, type Data, type Following, type Told } from "./events.js";
export type { components, operations, paths } from "./api.js";
