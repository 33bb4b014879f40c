// Panels drawn by Grafana's own components, called as Grafana's panel plugins call them.
import {
  FieldType,
  VizOrientation,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  renderMarkdown,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { useLayoutEffect } from 'react';

import { replaceVariables } from './fields.js';

export function TimeSeriesPanel({ panel, frames, width, height, timeRange, timeZone, theme, annotations }) {
  const graphed = frames.filter((frame) => frame.fields.some((field) => field.type === FieldType.time));
  if (!graphed.length) {
    return <NoData />;
  }
  return (
    <TimeSeries
      frames={graphed}
      width={width}
      height={height}
      timeRange={timeRange}
      timeZone={timeZone}
      legend={{ showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [], ...panel.options?.legend }}
      options={panel.options}
    >
      {(builder) => <Annotations builder={builder} annotations={annotations} theme={theme} />}
    </TimeSeries>
  );
}

function Annotations({ builder, annotations, theme }) {
  useLayoutEffect(() => {
    builder.addHook('draw', ({ ctx, bbox, valToPos }) => {
      ctx.save();
      ctx.setLineDash([4, 4]);
      for (const { colour, times } of annotations) {
        ctx.strokeStyle = theme.visualization.getColorByName(colour);
        for (const time of times) {
          const x = valToPos(time, 'x', true);
          if (x >= bbox.left && x <= bbox.left + bbox.width) {
            ctx.beginPath();
            ctx.moveTo(x, bbox.top);
            ctx.lineTo(x, bbox.top + bbox.height);
            ctx.stroke();
          }
        }
      }
      ctx.restore();
    });
  }, [builder, annotations, theme]);
  return null;
}

export function displayValues({ panel, frames, theme, timeZone, timeRange }, sparkline = false) {
  const values = getFieldDisplayValues({
    data: frames,
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    reduceOptions: { calcs: ['lastNotNull'], fields: '', ...panel.options?.reduceOptions },
    replaceVariables,
    sparkline,
    theme,
    timeZone,
  });
  values.forEach((value) => value.sparkline && (value.sparkline.timeRange = timeRange));
  return values;
}

export function StatPanel(props) {
  const { panel, frames, width, height, theme } = props;
  const options = {
    graphMode: 'area', colorMode: 'value', justifyMode: 'auto', textMode: 'auto', wideLayout: true,
    orientation: VizOrientation.Auto, ...panel.options,
  };
  return (
    <VizRepeater
      getValues={() => displayValues(props, options.graphMode !== 'none')}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <BigValue
          value={value.display}
          sparkline={value.sparkline}
          count={count}
          width={width}
          height={height}
          theme={theme}
          alignmentFactors={alignmentFactors}
          text={options.text}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          wideLayout={options.wideLayout}
        />
      )}
      width={width}
      height={height}
      source={frames}
      itemSpacing={3}
      renderCounter={0}
      autoGrid={true}
      orientation={options.orientation}
    />
  );
}

export function BarGaugePanel(props) {
  const { panel, frames, width, height, theme } = props;
  const options = {
    displayMode: 'gradient', orientation: VizOrientation.Auto, showUnfilled: true, valueMode: 'color',
    namePlacement: 'auto', ...panel.options,
  };
  return (
    <VizRepeater
      getValues={() => displayValues(props)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, orientation, width, height }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          width={width}
          height={height}
          theme={theme}
          orientation={orientation}
          alignmentFactors={alignmentFactors}
          text={options.text}
          itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
          displayMode={options.displayMode}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
        />
      )}
      width={width}
      height={height}
      source={frames}
      itemSpacing={10}
      renderCounter={0}
      minVizWidth={8}
      minVizHeight={16}
      orientation={options.orientation}
    />
  );
}

export function TablePanel({ panel, frames, width, height, timeRange }) {
  const frame = frames[panel.options?.frameIndex ?? 0];
  if (!frame?.length) {
    return <NoData />;
  }
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={panel.options?.showHeader === false}
      cellHeight={panel.options?.cellHeight ?? 'sm'}
      sortBy={panel.options?.sortBy}
      fieldConfig={panel.fieldConfig}
      timeRange={timeRange}
      structureRev={1}
      enableVirtualization={false}
    />
  );
}

export function TextPanel({ panel }) {
  const html = renderMarkdown(panel.options?.content);
  return <div className="markdown-html" style={{ padding: 8 }} dangerouslySetInnerHTML={{ __html: html }} />;
}

export function NoData() {
  return (
    <div style={{ display: 'flex', height: '100%', alignItems: 'center', justifyContent: 'center' }}>No data</div>
  );
}
