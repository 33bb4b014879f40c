// Ours: states over time, a line for each series. Words and colours of the states come from Grafana's code.
import { FieldType, getFieldDisplayName } from '@grafana/data';

import { Label, TimeAxis, shortened, textWidth, widest } from './axes.jsx';

const LINE = 20;
const DEFAULTS = { rowHeight: 0.9, mergeValues: true, showValue: 'auto' };

export function StateTimelinePanel({ panel, frames, width, height, timeRange, theme }) {
  const options = { ...DEFAULTS, ...panel.options };
  const opacity = (panel.fieldConfig?.defaults?.custom?.fillOpacity ?? 70) / 100;
  const rows = frames.flatMap((frame) => {
    const times = frame.fields.find((field) => field.type === FieldType.time);
    return frame.fields
      .filter((field) => field.type !== FieldType.time)
      .map((field) => ({ name: getFieldDisplayName(field, frame, frames), spans: spans(times, field, options) }));
  });
  const left = Math.min(widest(rows.map((row) => row.name)), 0.35 * width) + 10;
  const bottom = height - LINE;
  const band = bottom / rows.length;
  const tall = band * options.rowHeight;
  const from = timeRange.from.valueOf();
  const to = timeRange.to.valueOf();
  const across = (time) => left + ((Math.min(to, Math.max(from, time)) - from) / (to - from)) * (width - left);
  const every = Math.ceil(14 / band);
  return (
    <svg width={width} height={height}>
      {rows.map((row, index) => {
        const middle = (index + 0.5) * band;
        return (
          <g key={row.name}>
            {index % every === 0 && (
              <Label x={left - 8} y={middle} anchor="end" fill={theme.colors.text.primary}>
                {shortened(row.name, left - 8)}
              </Label>
            )}
            {row.spans.map(({ start, end, text, color }) => {
              const x = across(start);
              const wide = across(end) - x;
              const told = options.showValue !== 'never' && tall >= 12 && textWidth(text) + 8 <= wide;
              return (
                <g key={start}>
                  <rect x={x} y={middle - tall / 2} width={wide} height={tall} fill={color} fillOpacity={opacity} />
                  {told && (
                    <Label x={x + 4} y={middle} anchor="start" fill={theme.colors.text.maxContrast}>
                      {text}
                    </Label>
                  )}
                </g>
              );
            })}
          </g>
        );
      })}
      <TimeAxis timeRange={timeRange} left={left} right={width} y={height - LINE / 2} theme={theme} />
    </svg>
  );
}

// From sample to sample. A sample that is missing ends a span: Grafana puts nothing in its place.
function spans(times, field, { mergeValues }) {
  const step = times.config.interval ?? Infinity;
  const found = [];
  times.values.forEach((start, index) => {
    const value = field.values[index];
    if (value === null || value === undefined) {
      return;
    }
    const end = Math.min(times.values[index + 1] ?? start + step, start + 1.5 * step);
    const { text, color } = field.display(value);
    const before = found.at(-1);
    if (mergeValues && before && before.end === start && before.text === text) {
      before.end = end;
    } else {
      found.push({ start, end, text, color });
    }
  });
  return found;
}
