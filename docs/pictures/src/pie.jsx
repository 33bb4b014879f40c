// Ours: the pie chart. Its values, colours and legend come from Grafana's code.
import { formattedValueToString } from '@grafana/data';
import { VizLayout, VizLegend } from '@grafana/ui';

import { Label } from './axes.jsx';
import { displayValues } from './genuine.jsx';

const FULL = 2 * Math.PI;

export function PiePanel(props) {
  const { panel, width, height, theme } = props;
  const options = { pieType: 'pie', displayLabels: [], ...panel.options };
  // Largest first, as in Grafana.
  const slices = displayValues(props)
    .filter((slice) => slice.display.numeric > 0)
    .sort((a, b) => b.display.numeric - a.display.numeric);
  const sum = slices.reduce((total, slice) => total + slice.display.numeric, 0);
  return (
    <VizLayout width={width} height={height} legend={legend(options, slices, sum)}>
      {(innerWidth, innerHeight) => {
        const radius = Math.min(innerWidth, innerHeight) / 2 - 4;
        const hole = options.pieType === 'donut' ? 0.75 * radius : 0;
        let angle = 0;
        return (
          <svg width={innerWidth} height={innerHeight}>
            <g transform={`translate(${innerWidth / 2} ${innerHeight / 2})`}>
              {slices.map(({ display }, index) => {
                const begin = angle;
                angle += (display.numeric / sum) * FULL;
                const middle = (begin + angle) / 2;
                const at = hole ? (radius + hole) / 2 : 0.65 * radius;
                const roomy = (angle - begin) * at > 34;
                return (
                  <g key={index}>
                    <path
                      d={ring(hole, radius, begin, angle)}
                      fill={display.color}
                      stroke={theme.colors.background.primary}
                    />
                    {roomy &&
                      sliceTexts(options.displayLabels, display, sum).map((text, line, lines) => (
                        <Label
                          key={line}
                          x={at * Math.sin(middle)}
                          y={-at * Math.cos(middle) + 14 * (line - (lines.length - 1) / 2)}
                          fill={theme.colors.getContrastText(display.color)}
                        >
                          {text}
                        </Label>
                      ))}
                  </g>
                );
              })}
            </g>
          </svg>
        );
      }}
    </VizLayout>
  );
}

const percent = (display, sum) => `${((100 * display.numeric) / sum).toFixed(display.numeric < sum / 100 ? 1 : 0)}%`;

function sliceTexts(labels, display, sum) {
  const texts = { name: display.title, value: formattedValueToString(display), percent: percent(display, sum) };
  return ['name', 'value', 'percent'].filter((label) => labels.includes(label)).map((label) => texts[label]);
}

function legend(options, slices, sum) {
  const { showLegend = true, placement = 'bottom', displayMode = 'list', values = [] } = options.legend ?? {};
  if (!showLegend || displayMode === 'hidden') {
    return null;
  }
  const items = slices.map(({ display }) => ({
    label: display.title,
    color: display.color,
    yAxis: 1,
    getDisplayValues: () => [
      ...(values.includes('value') ? [{ ...display, title: 'Value' }] : []),
      ...(values.includes('percent')
        ? [{ numeric: display.numeric / sum, text: percent(display, sum), title: 'Percent' }]
        : []),
    ],
  }));
  return (
    <VizLayout.Legend placement={placement} width={options.legend?.width}>
      <VizLegend items={items} placement={placement} displayMode={displayMode} />
    </VizLayout.Legend>
  );
}

// A piece of a ring between two angles; 0 is up, clockwise. A whole turn is cut a hair short, or it would be none.
function ring(inner, outer, begin, end) {
  const last = Math.min(end, begin + FULL - 1e-4);
  const point = (radius, angle) => `${radius * Math.sin(angle)} ${-radius * Math.cos(angle)}`;
  const large = last - begin > Math.PI ? 1 : 0;
  return [
    `M ${point(outer, begin)} A ${outer} ${outer} 0 ${large} 1 ${point(outer, last)}`,
    `L ${point(inner, last)} A ${inner} ${inner} 0 ${large} 0 ${point(inner, begin)} Z`,
  ].join(' ');
}
