// What a dashboard of ours may contain, put together from Grafana's own types.
//
// The published `Dashboard` leaves open what depends on a plugin: a panel's options and its fields' custom
// settings, a query, the options of a transformation. Here each gets its type. A panel or transformation
// that is not listed is refused: to use a new one, add it.

import type {
  AnnotationQuery,
  Dashboard,
  Panel,
  RowPanel,
  VariableModel,
} from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as barchart from './node_modules/@grafana/schema/dist/types/raw/composable/barchart/panelcfg/x/types.gen';
import type * as bargauge from './node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type * as gauge from './node_modules/@grafana/schema/dist/types/raw/composable/gauge/panelcfg/x/types.gen';
import type * as heatmap from './node_modules/@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/types.gen';
import type * as histogram from './node_modules/@grafana/schema/dist/types/raw/composable/histogram/panelcfg/x/types.gen';
import type * as piechart from './node_modules/@grafana/schema/dist/types/raw/composable/piechart/panelcfg/x/types.gen';
import type * as stat from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as statetimeline from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type * as statushistory from './node_modules/@grafana/schema/dist/types/raw/composable/statushistory/panelcfg/x/types.gen';
import type * as table from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type * as text from './node_modules/@grafana/schema/dist/types/raw/composable/text/panelcfg/x/types.gen';
import type * as timeseries from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

import type { FieldMatcherID } from './node_modules/@grafana/data/dist/types/transformations/matchers/ids';
import type { ReducerID } from './node_modules/@grafana/data/dist/types/transformations/fieldReducer';
import type { CalculateFieldTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/calculateField';
import type { FilterFieldsByNameTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/filterByName';
import type { GroupByTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/groupBy';
import type { JoinByFieldOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/joinByField';
import type { LabelsToFieldsOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/labelsToFields';
import type { LimitTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/limit';
import type { MergeTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/merge';
import type { OrganizeFieldsTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/organize';
import type { ReduceTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/reduce';
import type { RenameByRegexTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/renameByRegex';
import type { SeriesToRowsTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/seriesToRows';
import type { SortByTransformerOptions } from './node_modules/@grafana/data/dist/types/transformations/transformers/sortBy';

import type { PromQuery } from './node_modules/@grafana/prometheus/dist/types/types';

/** Grafana moves these of Prometheus' own into `target` when it loads an annotation. */
interface Annotation extends Omit<AnnotationQuery, 'target'> {
  expr?: string;
  step?: string;
  tagKeys?: string;
  textFormat?: string;
  titleFormat?: string;
  useValueForTime?: boolean | string;
  target?: Target;
}

/** `definition` is what Grafana shows of a query. `auto…` are for intervals; the SDK writes them always. */
interface Variable extends VariableModel {
  auto?: false;
  auto_count?: number;
  auto_min?: string;
  definition?: string;
}

/** What is saved of a query; the rest is the query editor's. */
type Target = Pick<
  PromQuery,
  | 'datasource'
  | 'editorMode'
  | 'exemplar'
  | 'expr'
  | 'format'
  | 'hide'
  | 'instant'
  | 'interval'
  | 'intervalFactor'
  | 'legendFormat'
  | 'range'
  | 'refId'
>;

/** Grafana 13 has footers by column. The SDK still writes the table's, which must say that there is none. */
interface TableOptions extends table.Options {
  footer?: { countRows: false; reducer: string[]; show: false };
}

/** Of a type without settings of its own: no key is allowed. */
interface Nothing {}

/** What is saved of Grafana's `DataLink`, whose other properties are functions. */
interface Link {
  oneClick?: boolean;
  targetBlank?: boolean;
  title: string;
  url: string;
}

interface Plugin<Options, Custom> {
  options: Options;
  custom: Custom;
}

/** The root of the generated schema; tools/dashlint/schema.py picks its properties. */
export interface Types {
  dashboard: Omit<Dashboard, 'annotations' | 'panels' | 'templating'>;
  panel: Panel;
  row: Omit<RowPanel, 'panels'>;
  annotation: Annotation;
  variable: Variable;
  target: Target;
  link: Link;
  /** How an override finds its fields. */
  matcher: FieldMatcherID;
  /** How many values become one: `calcs` of a legend or of a stat. */
  reducer: ReducerID;
  /** By panel type, as it stands in a panel. */
  plugins: {
    barchart: Plugin<barchart.Options, barchart.FieldConfig>;
    bargauge: Plugin<bargauge.Options, Nothing>;
    gauge: Plugin<gauge.Options, Nothing>;
    heatmap: Plugin<heatmap.Options, heatmap.FieldConfig>;
    histogram: Plugin<histogram.Options, histogram.FieldConfig>;
    piechart: Plugin<piechart.Options, piechart.FieldConfig>;
    stat: Plugin<stat.Options, Nothing>;
    'state-timeline': Plugin<statetimeline.Options, statetimeline.FieldConfig>;
    'status-history': Plugin<statushistory.Options, statushistory.FieldConfig>;
    table: Plugin<TableOptions, table.FieldConfig>;
    text: Plugin<text.Options, Nothing>;
    timeseries: Plugin<timeseries.Options, timeseries.FieldConfig>;
  };
  /** By id, as it stands in a panel. */
  transformations: {
    calculateField: CalculateFieldTransformerOptions;
    filterFieldsByName: FilterFieldsByNameTransformerOptions;
    groupBy: GroupByTransformerOptions;
    joinByField: JoinByFieldOptions;
    labelsToFields: LabelsToFieldsOptions;
    limit: LimitTransformerOptions;
    merge: MergeTransformerOptions;
    organize: OrganizeFieldsTransformerOptions;
    reduce: ReduceTransformerOptions;
    renameByRegex: RenameByRegexTransformerOptions;
    seriesToRows: SeriesToRowsTransformerOptions;
    sortBy: SortByTransformerOptions;
  };
}
