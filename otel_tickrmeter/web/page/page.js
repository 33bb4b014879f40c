const RETRY_MS = 10000;
const courses = new WeakMap();

function buildFigure() {
  const box = make("div");
  box.append(make("dt"), make("dd"));
  return box;
}

function showFigures(list, figures) {
  fill(list, figures.length, buildFigure).forEach((box, place) => {
    say(box.firstElementChild, figures[place][0]);
    say(box.lastElementChild, figures[place][1]);
  });
}

const COUNTS = [
  { name: "sort", kind: "text", meaning: "The sort." },
  { name: "number", kind: "whole", meaning: "How many." },
];

function buildFleet(fleet) {
  const section = make("section");
  const title = make("h2");
  title.id = `fleet-${byId("fleets").children.length}`;
  say(title, fleet.title);
  section.setAttribute("aria-labelledby", title.id);
  const excerpts = make("div");
  fleet.excerpts.forEach((excerpt, place) => {
    const part = make("div");
    part.append(buildTable(excerpt.title, excerpt.fields));
    if (excerpt.course) {
      const course = buildCourse(excerpt, `${title.id}-course-${place}`);
      part.append(course.box);
      courses.set(part, course);
    }
    excerpts.append(part);
  });
  const groups = make("div", "groups");
  for (const breakdown of fleet.breakdowns) groups.append(buildTable(breakdown.title, COUNTS));
  section.append(title, make("dl", "figures"), excerpts, groups);
  return section;
}

function showFleet(section, fleet) {
  const [, figures, excerpts, groups] = section.children;
  showFigures(figures, fleet.figures.map(([name, value]) => [name, whole.format(value)]));
  fleet.excerpts.forEach((excerpt, place) => {
    const part = excerpts.children[place];
    const course = courses.get(part);
    showTable(part.firstElementChild, excerpt.fields, excerpt.rows, excerpt.bar, course?.choose);
    course?.follow(excerpt.rows);
  });
  fleet.breakdowns.forEach((breakdown, place) => {
    showTable(groups.children[place], COUNTS, breakdown.counts, "number");
  });
}

function showTroubles(troubles) {
  const section = byId("troubles");
  fill(section.querySelector("ul"), troubles.length, () => {
    const item = make("li");
    item.append(make("span"), document.createTextNode(" Runbook: "), make("a"));
    return item;
  }).forEach((item, place) => {
    const { text, runbook } = troubles[place];
    const link = item.lastElementChild;
    say(item.firstElementChild, `${text}.`);
    say(link, runbook);
    // Unless they are published somewhere it is a file of the repository, which a browser cannot open.
    if (!/^https?:\/\//.test(runbook)) link.removeAttribute("href");
    else if (link.getAttribute("href") !== runbook) link.href = runbook;
  });
  section.hidden = troubles.length === 0;
}

const NOTES = [
  ["at", "moment", "When it came."],
  ["message_type", "text", "What it was, by its topic."],
  ["reason", "text", "Why it was set aside."],
  ["device", "text", "Whose it was, as it is spelled there."],
  ["topic", "text", "Its topic."],
  ["sample", "text", "Its first bytes."],
  ["count", "whole", "How many of the kind since the one before."],
].map(([name, kind, meaning]) => ({ name, kind, meaning }));

function showSetAside(notes) {
  const section = byId("set-aside");
  if (!section.querySelector("table")) {
    section.append(buildTable("The last of each kind, at most one a minute", NOTES));
  }
  const rows = notes.map((note) => NOTES.map((field) => note[field.name]));
  showTable(section.lastElementChild, NOTES, rows, "");
  section.hidden = notes.length === 0;
}

function rate(value) {
  return value === null ? "–" : `${whole.format(Math.round(value * 10) / 10)} /s`;
}

function partition(status) {
  const kept = `${status.partition} of ${status.partitions}, from 0`;
  return status.partitions > 1 ? [["keeps partition", kept]] : [];
}

function show(told) {
  const status = told.status;
  const ready = status.not_ready_reason === null;
  const state = byId("state");
  say(state, ready ? "Ready" : `Not ready: ${status.not_ready_reason}`);
  state.dataset.ready = ready ? "yes" : "no";
  showTroubles(status.troubles);
  showFigures(byId("overview").querySelector("dl"), [
    ["broker", status.broker],
    ["connected", status.broker_connected ? "yes" : "no"],
    status.disconnected_since === null
      ? ["connected since", moment(status.connected_since)]
      : ["not connected since", moment(status.disconnected_since)],
    ["last message", moment(status.last_message_time)],
    ["messages", rate(status.messages_per_second)],
    ["set aside", rate(status.errors_per_second)],
    ["messages in all", whole.format(status.messages_processed)],
    ["running for", seconds(status.uptime)],
    ...partition(status),
  ]);
  byId("overview").hidden = false;
  const fleets = byId("fleets");
  told.fleets.forEach((fleet, place) => {
    if (place === fleets.children.length) fleets.append(buildFleet(fleet));
    showFleet(fleets.children[place], fleet);
  });
  showSetAside(status.set_aside);
}

function listen() {
  const source = new EventSource("./api/v1/events");
  source.addEventListener("glance", (event) => {
    show(JSON.parse(event.data));
    say(byId("live"), "Figures come every two seconds.");
  });
  source.addEventListener("error", () => {
    say(byId("live"), "No figures come at the moment: those shown may be old. Trying again.");
    // A refusal ends it for good; a connection that is lost is made again by the browser.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
  });
}

listen();
