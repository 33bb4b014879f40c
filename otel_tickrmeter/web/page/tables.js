"use strict";
// Everything shown is set as text: what devices sent can be no markup. Elements stay and their texts change,
// so that a reader's place is kept while figures come.
const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat();

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(name, className) {
  const element = document.createElement(name);
  if (className) element.className = className;
  return element;
}

// So many children, the first ones kept.
function fill(parent, count, build) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(build());
  return [...parent.children];
}

function seconds(value) {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 120) return `${value.toFixed(2)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return value < 172800 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86400)} d`;
}

function moment(value) {
  return value === null ? "–" : new Date(value).toLocaleString();
}

function shown(field, value) {
  if (value === null) return "–";
  if (field.kind === "flag") return value ? "yes" : "no";
  if (field.kind === "moment") return moment(value);
  if (field.kind === "whole") return whole.format(value);
  if (field.kind === "text") return value;
  if (field.kind === "share") return `${(value * 100).toFixed(1)} %`;
  if (field.name.endsWith("_seconds")) return seconds(value);
  return String(Math.round(value * 100) / 100);
}

function label(name) {
  return name.replace(/_(seconds|count|percent)$/, "").replaceAll("_", " ");
}

function isNumber(field) {
  return ["whole", "number", "share"].includes(field.kind);
}

function buildTable(title, fields) {
  const scroll = make("div", "scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  scroll.setAttribute("aria-label", title);
  const table = make("table");
  table.append(make("caption"), make("thead"), make("tbody"));
  say(table.caption, title);
  const head = table.tHead.insertRow();
  for (const field of fields) {
    const cell = make("th", isNumber(field) ? "number" : "");
    cell.scope = "col";
    cell.title = field.meaning;
    say(cell, label(field.name));
    head.append(cell);
  }
  scroll.append(table);
  return scroll;
}

function buildRow(fields, bar, choose) {
  const row = make("tr");
  fields.forEach((field, place) => {
    const cell = make(place ? "td" : "th", isNumber(field) ? "number" : "");
    if (!place) cell.scope = "row";
    if (!place && choose) {
      const button = make("button", "choice");
      button.type = "button";
      button.addEventListener("click", () => choose(button.textContent));
      cell.append(button);
    }
    if (field.name === bar) {
      cell.classList.add("barred");
      const drawn = make("span", "bar");
      drawn.setAttribute("aria-hidden", "true");
      cell.append(make("span"), drawn);
    }
    if (field.name === "sample" || field.name === "topic") cell.classList.add("sample");
    row.append(cell);
  });
  return row;
}

// A bar is as long as its value is of the largest, and that of a share as it is of the whole.
// With `choose` the first cell of a row is a button that chooses its thing.
function showTable(scroll, fields, rows, bar, choose) {
  const place = fields.findIndex((field) => field.name === bar);
  const largest = Math.max(...rows.map((row) => row[place] ?? 0), 0) || 1;
  const most = fields[place]?.kind === "share" ? 1 : largest;
  const body = scroll.querySelector("tbody");
  fill(body, rows.length, () => buildRow(fields, bar, choose)).forEach((row, index) => {
    fields.forEach((field, column) => {
      const cell = row.children[column];
      const value = rows[index][column];
      if (column !== place) {
        say(cell.querySelector("button") ?? cell, shown(field, value));
        return;
      }
      say(cell.firstElementChild, shown(field, value));
      cell.lastElementChild.style.width = `${(100 * (value ?? 0)) / most}%`;
    });
  });
  scroll.hidden = rows.length === 0;
}
