// The processes of the cluster: its front ends and workers. A service of one machine has none.
import { age, count, plural } from "./format.js";
import { byId, element, setText, show } from "./dom.js";

const KINDS = { "front-end": "front end", worker: "worker" };

/** Brings the table up to date. `now` is the time by the clock of the service. */
export function renderMembers(cluster, now) {
  show(byId("members-section"), Boolean(cluster));
  if (!cluster) return;
  const of = (kind) => cluster.members.filter((member) => member.kind === kind).length;
  setText(byId("members-summary"),
    `${cluster.name}: ${plural(of("front-end"), "front end")}, ${plural(of("worker"), "worker")}`);
  const rows = byId("members");
  while (rows.children.length > cluster.members.length) rows.lastChild.remove();
  while (rows.children.length < cluster.members.length) rows.append(newRow());
  cluster.members.forEach((member, index) => {
    const texts = [
      KINDS[member.kind] ?? member.kind,
      `${member.host} ${member.pid}`,
      member.draining ? "draining" : "running",
      member.seats === 0 ? "–" : `${count(member.running)} of ${count(member.seats)}`,
      age(now - Date.parse(member.since)),
      member.version,
    ];
    texts.forEach((text, column) => setText(rows.children[index].children[column], text));
  });
}

function newRow() {
  const row = element("tr");
  row.setAttribute("role", "row");
  for (const name of ["kind", "host", "status", "number", "number", "number"]) {
    const cell = element("td", name);
    cell.setAttribute("role", "cell");
    row.append(cell);
  }
  return row;
}
