// Applies a panel's transformations and field configuration with Grafana's own code.
import {
  FieldConfigOptionsRegistry,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

const STANDARD = [
  'unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'noValue', 'links',
  'fieldMinMax', 'description',
];

// The plugins that set these defaults are part of the Grafana server, not of its packages.
const CLASSIC = { mode: 'palette-classic' };
const THRESHOLDS = { mode: 'absolute', steps: [{ color: 'green', value: -Infinity }, { color: 'red', value: 80 }] };
const GRAPH = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none',
  showPoints: 'auto', pointSize: 5, spanNulls: false, axisPlacement: 'auto', axisLabel: '',
  stacking: { mode: 'none', group: 'A' }, scaleDistribution: { type: 'linear' }, thresholdsStyle: { mode: 'off' },
  hideFrom: { legend: false, tooltip: false, viz: false },
};
const CUSTOM = {
  timeseries: GRAPH,
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
};
const BY_VALUE = ['stat', 'bargauge', 'table'];

export function registerTransformers() {
  // One has a second, old name.
  const transformers = new Set(Object.values(standardTransformers));
  standardTransformersRegistry.setInit(() =>
    [...transformers].map((transformer) => ({
      id: transformer.id,
      name: transformer.name,
      transformation: () => Promise.resolve(transformer),
    }))
  );
}

export async function prepare(panel, theme, timeZone) {
  const known = standardTransformersRegistry.list().map((item) => item.id);
  const unknown = (panel.transformations ?? []).find(({ id }) => !known.includes(id));
  if (unknown) {
    throw new Error(`transformation ${unknown.id} is not in @grafana/data`);
  }
  const frames = panel.frames.map(toDataFrame);
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], frames));
  const fieldConfig = withDefaults(panel);
  const fields = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: registry(fieldConfig),
    replaceVariables,
    theme,
    timeZone,
  });
  cacheFieldDisplayNames(fields);
  return fields;
}

// ${__field.name}, ${__field.displayName} and ${__field.labels.X}: what a display name may say of its field.
export function replaceVariables(text, scopedVars) {
  const field = scopedVars?.__dataContext?.value?.field;
  return text?.replace(/\$\{__field\.(name|displayName|labels)(?:\.(\w+))?\}/g, (all, what, label) =>
    field ? (what === 'labels' ? field.labels?.[label] : field.state?.displayName ?? field.name) ?? '' : all
  );
}

function withDefaults(panel) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const thresholds = defaults.thresholds ?? THRESHOLDS;
  return {
    defaults: {
      color: BY_VALUE.includes(panel.type) ? { mode: 'thresholds' } : CLASSIC,
      ...defaults,
      thresholds: openBelow(thresholds),
      custom: { ...CUSTOM[panel.type], ...defaults.custom },
    },
    overrides: overrides.map((override) => ({
      ...override,
      properties: override.properties.map((property) =>
        property.id === 'thresholds' ? { ...property, value: openBelow(property.value) } : property
      ),
    })),
  };
}

// JSON has no infinity: the lowest step is stored as null.
function openBelow(thresholds) {
  const steps = thresholds.steps.map((step) => ({ ...step, value: step.value ?? -Infinity }));
  return { ...thresholds, steps };
}

function registry({ defaults, overrides }) {
  const overridden = overrides.flatMap(({ properties }) => properties.map(({ id }) => id));
  const custom = new Set([
    ...Object.keys(defaults.custom),
    ...overridden.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length)),
  ]);
  const item = (path, isCustom) => ({
    id: isCustom ? `custom.${path}` : path,
    name: path,
    path,
    isCustom,
    process: (value) => value,
    shouldApply: () => true,
  });
  return new FieldConfigOptionsRegistry(() => [
    ...STANDARD.map((path) => item(path, false)),
    ...[...custom].map((path) => item(path, true)),
  ]);
}
