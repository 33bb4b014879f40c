// Ours: the heat map. Its axes, cells and colour scale follow Grafana's.
import { FieldType, formattedValueToString, getFieldDisplayName, getValueFormat } from '@grafana/data';
import * as chromatic from 'd3-scale-chromatic';

import { Label, TimeAxis, shortened, textWidth, widest } from './axes.jsx';
import { NoData } from './genuine.jsx';

const LINE = 20;
const SCALE = 30;
const SHADES = 40;

export function HeatmapPanel({ panel, frames, width, height, timeRange, theme }) {
  const options = { cellGap: 1, ...panel.options };
  const buckets = frames.some((frame) => frame.meta?.type === 'heatmap-rows');
  const rows = frames.flatMap((frame) => {
    const times = frame.fields.find((field) => field.type === FieldType.time);
    return frame.fields
      .filter((field) => field.type === FieldType.number)
      .map((field) => ({
        name: buckets ? field.name : getFieldDisplayName(field, frame, frames),
        cells: times.values.map((time, index) => [time, field.values[index]]),
        step: times.config.interval,
      }));
  });
  if (!rows.some((row) => row.cells.length)) {
    return <NoData />;
  }
  const format = getValueFormat(options.yAxis?.unit ?? 'none');
  const name = (text) =>
    options.yAxis?.unit && text !== '' && Number.isFinite(Number(text))
      ? formattedValueToString(format(Number(text), options.yAxis.decimals))
      : text;
  const names = rows.map((row) => name(row.name));
  const cellFormat = getValueFormat(options.cellValues?.unit ?? 'short');
  const left = Math.min(widest(names), 0.35 * width) + 10;
  const bottom = height - LINE - (options.legend?.show === false ? 0 : SCALE);
  const band = (bottom - LINE / 2) / rows.length;
  const from = timeRange.from.valueOf();
  const across = (time) => left + ((time - from) / (timeRange.to.valueOf() - from)) * (width - left);
  const least = options.filterValues?.le ?? 1e-9;
  const values = rows.flatMap((row) => row.cells.map(([, value]) => value ?? 0).filter((value) => value > least));
  const low = options.color?.min ?? Math.min(...values);
  const high = options.color?.max ?? Math.max(...values);
  const colour = palette(options.color, low, high);
  // Rows go upwards. A bucket's name is its upper bound, so it stands at its upper edge.
  const top = (index) => bottom - (index + 1) * band;
  const every = Math.ceil(14 / band);
  return (
    <svg width={width} height={height}>
      {rows.map(({ cells, step, name: key }, index) => (
        <g key={key}>
          {cells
            .filter(([time, value]) => value > least && time > from)
            .map(([time, value]) => {
              const start = Math.max(left, across(time - step));
              const wide = Math.max(0.5, across(time) - start - options.cellGap);
              const tall = Math.max(0.5, band - options.cellGap);
              return <rect key={time} x={start} y={top(index)} width={wide} height={tall} fill={colour(value)} />;
            })}
          {index % every === 0 && (
            <Label
              x={left - 8}
              y={top(index) + (buckets ? 0 : band / 2)}
              anchor="end"
              fill={theme.colors.text.primary}
            >
              {shortened(names[index], left - 8)}
            </Label>
          )}
        </g>
      ))}
      {buckets && (
        <Label x={left - 8} y={bottom} anchor="end" fill={theme.colors.text.primary}>
          {name('0')}
        </Label>
      )}
      <TimeAxis timeRange={timeRange} left={left} right={width} y={bottom + LINE / 2 + 2} theme={theme} />
      {options.legend?.show !== false && values.length > 0 && (
        <ColourScale
          {...{ low, high, colour, theme }}
          format={(value) => formattedValueToString(cellFormat(value, options.cellValues?.decimals))}
          left={left}
          y={height - 12}
        />
      )}
    </svg>
  );
}

// Grafana turns the single-hue schemes round in its dark theme: what is little is dark.
function palette({ scheme, steps = 64 }, low, high) {
  const interpolate = chromatic[`interpolate${scheme}`];
  return (value) => {
    const share = high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 1;
    return interpolate(1 - Math.round(share * (steps - 1)) / (steps - 1));
  };
}

function ColourScale({ low, high, colour, theme, format, left, y }) {
  const wide = 160;
  const shades = Array.from({ length: SHADES }, (_, index) => low + ((index + 0.5) / SHADES) * (high - low));
  const begin = left + textWidth(format(low)) + 8;
  return (
    <g>
      <Label x={left} y={y} anchor="start" fill={theme.colors.text.secondary}>{format(low)}</Label>
      {shades.map((value, index) => (
        <rect
          key={index}
          x={begin + (index * wide) / SHADES}
          y={y - 5}
          width={wide / SHADES + 0.5}
          height={10}
          fill={colour(value)}
        />
      ))}
      <Label x={begin + wide + 8} y={y} anchor="start" fill={theme.colors.text.secondary}>{format(high)}</Label>
    </g>
  );
}
