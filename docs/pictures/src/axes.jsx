// Ours: the text and the time axis of panels that Grafana's packages have no component for.
import { measureText } from '@grafana/ui';

const SIZE = 12;

export const textWidth = (text) => measureText(text, SIZE).width;

export const widest = (texts) => Math.max(0, ...texts.map(textWidth));

export function shortened(text, width) {
  let end = text.length;
  while (end > 1 && textWidth(`${text.slice(0, end)}…`) > width) {
    end -= 1;
  }
  return textWidth(text) <= width ? text : `${text.slice(0, end)}…`;
}

export function Label({ x, y, anchor = 'middle', fill, children }) {
  return (
    <text x={x} y={y} textAnchor={anchor} dominantBaseline="central" fontSize={SIZE} fill={fill}>
      {children}
    </text>
  );
}

export function TimeAxis({ timeRange, left, right, y, theme }) {
  const from = timeRange.from.valueOf();
  const to = timeRange.to.valueOf();
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];
  const most = (right - left) / 70;
  const step = 60000 * (minutes.find((count) => (to - from) / 60000 / count <= most) ?? 1440);
  const times = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
    times.push(time);
  }
  // Beside the edge a label moves inwards.
  const inside = (x) => Math.min(x, right - textWidth('00:00') / 2);
  return times.map((time) => (
    <Label
      key={time}
      x={inside(left + ((time - from) / (to - from)) * (right - left))}
      y={y}
      fill={theme.colors.text.primary}
    >
      {new Date(time).toISOString().slice(11, 16)}
    </Label>
  ));
}
