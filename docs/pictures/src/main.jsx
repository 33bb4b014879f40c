// The page: a dashboard in its own grid. `window.picture` has the panels with their data.
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';

import { ThemeContext, createTheme, dateTime } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import { createRoot } from 'react-dom/client';

import { prepare, registerTransformers } from './fields.js';
import { BarGaugePanel, NoData, StatPanel, TablePanel, TextPanel, TimeSeriesPanel } from './genuine.jsx';
import { HeatmapPanel } from './heatmap.jsx';
import { PiePanel } from './pie.jsx';
import { StateTimelinePanel } from './statetimeline.jsx';

const PANELS = {
  timeseries: TimeSeriesPanel,
  stat: StatPanel,
  bargauge: BarGaugePanel,
  table: TablePanel,
  text: TextPanel,
  piechart: PiePanel,
  heatmap: HeatmapPanel,
  'state-timeline': StateTimelinePanel,
};
const UNPADDED = ['table'];
const EDGE = 16;
const GAP = 8;
const ROW = 30;
const HEADER = 92;
const TIME_ZONE = 'utc';
const FOOTER =
  "Drawn from the dashboard's JSON and a live Prometheus with Grafana's own panel components where they exist; " +
  'not a screenshot of Grafana.';

const picture = window.picture;
const theme = createTheme({ colors: { mode: 'dark' } });
const timeRange = {
  from: dateTime(picture.from),
  to: dateTime(picture.to),
  raw: { from: `now-${picture.range}`, to: 'now' },
};

function Dashboard({ prepared }) {
  const width = window.innerWidth - 2 * EDGE;
  const column = (width + GAP) / 24;
  return (
    <div style={{ position: 'relative', height: '100vh', background: theme.colors.background.canvas }}>
      <Header />
      {prepared.map(({ panel, frames, error }) => {
        const { x, y, w, h } = panel.gridPos;
        const box = {
          left: EDGE + x * column,
          top: HEADER + y * (ROW + GAP),
          width: w * column - GAP,
          height: h * (ROW + GAP) - GAP,
        };
        return (
          <div key={panel.id} style={{ position: 'absolute', ...box }}>
            {panel.type === 'row' ? (
              <h4 style={{ margin: 0, lineHeight: `${ROW}px` }}>⌄ {panel.title}</h4>
            ) : (
              <Panel panel={panel} frames={frames} error={error} width={box.width} height={box.height} />
            )}
          </div>
        );
      })}
      <div style={{ position: 'absolute', left: EDGE, bottom: 8, color: theme.colors.text.secondary, fontSize: 12 }}>
        {FOOTER}
      </div>
    </div>
  );
}

function Header() {
  const chip = {
    border: `1px solid ${theme.colors.border.weak}`, borderRadius: 2, padding: '5px 8px', marginRight: 8,
    background: theme.colors.background.primary,
  };
  return (
    <div style={{ position: 'absolute', left: EDGE, right: EDGE, top: 10 }}>
      <div style={{ display: 'flex', justifyContent: 'space-between', marginBottom: 12 }}>
        <span style={{ fontSize: 18, fontWeight: 500 }}>{picture.title}</span>
        <span style={chip}>
          Last {picture.range}, to {timeRange.to.utc().format('YYYY-MM-DD HH:mm')} UTC
        </span>
      </div>
      {Object.entries(picture.variables).map(([label, text]) => (
        <span key={label} style={chip}>
          {label} <b style={{ fontWeight: 500, color: theme.colors.text.maxContrast }}>{text}</b>
        </span>
      ))}
    </div>
  );
}

function Panel({ panel, frames, error, width, height }) {
  const Drawn = PANELS[panel.type];
  const content = (innerWidth, innerHeight) => {
    if (error || !Drawn) {
      return <div style={{ color: theme.colors.error.text }}>{error ?? `${panel.type} panels are not drawn`}</div>;
    }
    if (!frames.length && panel.type !== 'text') {
      return <NoData />;
    }
    const size = { width: innerWidth, height: innerHeight };
    return (
      <Drawn
        {...{ panel, frames, theme, timeRange, timeZone: TIME_ZONE, annotations: picture.annotations }}
        {...size}
      />
    );
  };
  return (
    <PanelChrome
      title={panel.title}
      description={panel.description}
      width={width}
      height={height}
      padding={UNPADDED.includes(panel.type) ? 'none' : 'md'}
      displayMode={panel.transparent ? 'transparent' : 'default'}
    >
      {content}
    </PanelChrome>
  );
}

async function preparedPanel(panel) {
  if (panel.error || !panel.frames.length) {
    return { panel, frames: [], error: panel.error };
  }
  try {
    return { panel, frames: await prepare(panel, theme, TIME_ZONE) };
  } catch (fault) {
    return { panel, frames: [], error: String(fault) };
  }
}

async function draw() {
  registerTransformers();
  // uPlot and the tables measure text on a canvas, which does not wait for fonts.
  await Promise.all(['400', '500'].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  const prepared = await Promise.all(picture.panels.map(preparedPanel));
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles isExtensionSidebarOpen={false} />
      <Dashboard prepared={prepared} />
    </ThemeContext.Provider>
  );
}

draw();
