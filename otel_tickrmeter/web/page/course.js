const COURSE_MS = 15000;
const SVG = "http://www.w3.org/2000/svg";

function draw(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function time(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// How one thing of an excerpt went lately: a picture, and the table that it is drawn from.
function buildCourse(excerpt, id) {
  const { course, fields } = excerpt;
  const what = label(fields[0].name);
  const find = (name) => course.fields.findIndex((field) => field.name === name);
  const [at, line, share] = [0, find(course.line), find(course.share)];
  const names = [line, share].map((place) => label(course.fields[place].name));
  const columns = course.fields.map((field, place) => place === at ? { ...field, kind: "text" } : field);
  const [width, height, span] = [600, 140, course.span_seconds * 1000];
  const step = course.step_seconds * 1000;

  const box = make("section", "course");
  const title = make("h3");
  title.id = id;
  box.setAttribute("aria-labelledby", id);
  const form = make("form");
  const input = make("input");
  input.id = `${id}-name`;
  input.autocomplete = "off";
  input.spellcheck = false;
  const named = make("label");
  named.htmlFor = input.id;
  say(named, `Another ${what}:`);
  const submit = make("button");
  say(submit, "Show");
  form.append(named, input, submit);
  const told = make("p", "live");
  told.setAttribute("role", "status");
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" });
  const [most, begin, end, key] = ["most", "begin", "end", "key"].map((name) => make("span", name));
  const axis = make("div", "axis");
  axis.append(begin, end);
  const frame = make("div", "picture");
  frame.append(most, picture, axis, key);
  // The picture says it in words.
  for (const each of [most, axis]) each.setAttribute("aria-hidden", "true");
  say(key, `Line: ${names[0]}, from 0 up. Bars: ${names[1]}, 0 to 100 %.`);
  const details = make("details");
  const summary = make("summary");
  say(summary, "The same as a table");
  const table = buildTable(course.title, columns);
  details.append(summary, table);
  box.append(title, form, told, frame, details);
  box.hidden = true;

  let [chosen, asked, due] = [null, 0, 0];

  function show(rows) {
    const times = rows.map((row) => Date.parse(row[at]));
    const until = times[times.length - 1] + step;
    const x = (moment) => ((width * (moment - until + span)) / span).toFixed(1);
    const values = rows.map((row) => row[line]);
    const highest = Math.max(...values.map((value) => value ?? 0));
    const y = (value) => (height - 2 - ((height - 4) * value) / (highest || 1)).toFixed(1);
    // A line from one minute to the next; alone, a dot.
    let path = "";
    values.forEach((value, place) => {
      if (value === null) return;
      const goesOn = place && values[place - 1] !== null;
      path += `${goesOn ? "L" : "M"}${x(times[place] + step / 2)} ${y(value)}${goesOn ? "" : "h.01"}`;
    });
    const bars = rows.flatMap((row, place) => row[share] ? [draw("rect", {
      class: "share",
      x: x(times[place]),
      y: (height * (1 - row[share])).toFixed(1),
      width: ((width * step) / span).toFixed(1),
      height: (height * row[share]).toFixed(1),
    })] : []);
    picture.replaceChildren(...bars, draw("path", { class: "line", d: path }));
    const known = values.filter((value) => value !== null);
    const worst = Math.max(...rows.map((row) => row[share] ?? 0));
    const says = known.length
      ? `${names[0]} from ${seconds(Math.min(...known))} to ${seconds(highest)}, last ${seconds(known[known.length - 1])}`
      : `no ${names[0]}`;
    picture.setAttribute("aria-label", rows.length
      ? `${course.title} of ${chosen}: ${says}; ${names[1]} at most ${(worst * 100).toFixed(1)} %.`
      : `${course.title} of ${chosen}: no minute of it is over yet.`);
    say(most, known.length ? seconds(highest) : "");
    say(begin, rows.length ? time(until - span) : "");
    say(end, rows.length ? time(until) : "No minute is over yet");
    // The newest first, as in other tables.
    const lines = rows.map((row, place) => [time(times[place]), ...row.slice(1)]).reverse();
    showTable(table, columns, lines, "");
    details.hidden = rows.length === 0;
  }

  async function ask(name) {
    const number = ++asked;
    due = Date.now() + COURSE_MS;
    const found = await fetch(`./api/v1/${course.path}/${encodeURIComponent(name)}`);
    // Another was asked for meanwhile.
    if (number !== asked) return;
    if (found.status === 404) {
      say(told, `There is no ${what} ${name} now.`);
      return;
    }
    const thing = await found.json();
    if (number !== asked) return;
    chosen = name;
    mark();
    say(title, `${course.title} of ${name}`);
    say(table.querySelector("caption"), title.textContent);
    show(thing[course.part].map((row) => course.fields.map((field) => row[field.name])));
    box.hidden = false;
  }

  // Of an exporter that does not answer the page says elsewhere that no figures come.
  function choose(name) {
    ask(name).then(() => {
      if (chosen !== name) return;
      say(told, `Shown: ${name}`);
      box.scrollIntoView({ block: "nearest" });
    }, () => {});
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value) choose(input.value);
  });

  function mark() {
    const buttons = box.parentElement.querySelectorAll(".choice");
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.textContent === chosen));
  }

  // The worst is shown until somebody chooses; what is shown stays, whoever is worst then.
  function follow(rows) {
    const name = chosen ?? rows[0]?.[0];
    mark();
    if (name !== undefined && Date.now() >= due) ask(name).catch(() => {});
  }

  return { box, choose, follow };
}
