//! Plots of a few lines as SVG that reads well on a light page and on a dark one.

use std::ops::Range;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::element::{Circle, DashedPathElement, PathElement};
use plotters::prelude::*;

use crate::support::side::Result;

const SIZE: (u32, u32) = (760, 400);
const FONT: &str = "sans-serif";
const TEXT: RGBColor = RGBColor(0x33, 0x40, 0x4d);
const QUIET: RGBColor = RGBColor(0x5b, 0x6b, 0x7b);
const GRID: RGBColor = RGBColor(0xdd, 0xe1, 0xe5);
/// In the order of the lines.
const COLORS: [RGBColor; 2] = [RGBColor(0x3d, 0x8b, 0x7a), RGBColor(0xd0, 0x8a, 0x2e)];
/// What others are compared with.
const BARE: &str = "bare server";
/// The page's background, and what takes the place of the colours above on a dark page.
const STYLE: &str = "<style>.page{fill:#fbfaf7}\
@media (prefers-color-scheme:dark){.page{fill:#161b22}[fill=\"#33404D\"]{fill:#d5dce4}[fill=\"#5B6B7B\"]{fill:#9aa7b4}\
[stroke=\"#5B6B7B\"]{stroke:#9aa7b4}[stroke=\"#DDE1E5\"]{stroke:#30373f}}</style>\
<rect class=\"page\" width=\"100%\" height=\"100%\" rx=\"14\"/>";

/// How x and y are drawn.
#[derive(Clone, Copy, PartialEq)]
pub enum Scale {
    Linear,
    /// The logarithm of x.
    Log,
    /// The logarithms of both.
    Logs,
}

/// A measured point.
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub least: f64,
    pub most: f64,
}

/// Points, by x. A single one is drawn as a level.
pub struct Line {
    pub name: String,
    pub points: Vec<Point>,
}

/// Lines over the same x.
pub struct Plot {
    pub title: &'static str,
    pub x: &'static str,
    pub y: &'static str,
    pub scale: Scale,
    /// What it was measured on.
    pub on: String,
    pub lines: Vec<Line>,
}

impl Plot {
    /// The SVG.
    pub fn draw(&self) -> Result<String> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let least = points().map(|point| point.x).fold(f64::MAX, f64::min);
        let most = points().map(|point| point.x).fold(f64::MIN, f64::max);
        let top = 1.12 * points().map(|point| point.most).fold(0.0, f64::max);
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let log_x = (least / 1.15..most * 1.15).log_scale();
        match self.scale {
            Scale::Logs => {
                let bottom = points().map(|point| point.least).fold(f64::MAX, f64::min);
                let y = (bottom / 1.5..top * 3.0).log_scale();
                self.draw_on(&area, log_x, y, least..most)?;
            }
            Scale::Log => {
                self.draw_on(&area, log_x, 0.0..top, least..most)?;
            }
            Scale::Linear => {
                let room = (most - least) / 25.0;
                self.draw_on(&area, least - room..most + room, 0.0..top, least..most)?;
            }
        }
        area.present()?;
        drop(area);
        let start = svg.find('>').ok_or("no SVG")? + 1;
        svg.insert_str(start, STYLE);
        Ok(svg)
    }

    fn draw_on<X, Y>(
        &self,
        area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        x: X,
        y: Y,
        ends: Range<f64>,
    ) -> Result<()>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64>,
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: ValueFormatter<f64>,
    {
        let text = |size: f64, color: &RGBColor| (FONT, size).into_font().color(color);
        area.draw(&Text::new(self.title, (24, 18), text(18.0, &TEXT)))?;
        area.draw(&Text::new(self.y, (24, 44), text(13.0, &QUIET)))?;
        area.draw(&Text::new(
            self.on.clone(),
            (24, SIZE.1 as i32 - 20),
            text(10.0, &QUIET),
        ))?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(66)
            .margin_bottom(24)
            .margin_left(14)
            .margin_right(28)
            .x_label_area_size(46)
            .y_label_area_size(48)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .x_desc(self.x)
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|x| short(*x))
            .y_label_formatter(&|y| short(*y))
            .axis_desc_style(text(13.0, &QUIET))
            .label_style(text(13.0, &QUIET))
            .draw()?;
        let mut colors = COLORS.into_iter();
        for line in &self.lines {
            let bare = line.name == BARE;
            let color = if bare {
                QUIET
            } else {
                colors.next().unwrap_or(TEXT)
            };
            let mut way: Vec<(f64, f64)> = line.points.iter().map(|p| (p.x, p.y)).collect();
            if let [(_, level)] = way[..] {
                way = vec![(ends.start, level), (ends.end, level)];
            }
            let stroke = color.stroke_width(2);
            let drawn = if bare {
                chart.draw_series([DashedPathElement::new(way, 6, 5, stroke)])?
            } else {
                chart.draw_series([PathElement::new(way, stroke)])?
            };
            drawn.label(&line.name).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3))
            });
            for point in &line.points {
                let range = [(point.x, point.least), (point.x, point.most)];
                chart.draw_series([PathElement::new(range, color.stroke_width(1))])?;
                if !bare {
                    chart.draw_series([Circle::new((point.x, point.y), 4, color.filled())])?;
                }
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(text(13.0, &TEXT))
            .legend_area_size(24)
            .draw()?;
        Ok(())
    }
}

/// A number in few characters.
fn short(number: f64) -> String {
    let rounded = |number: f64| {
        let text = format!("{number:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    match number {
        n if n >= 1e6 => format!("{} M", rounded(n / 1e6)),
        n if n >= 1e3 => format!("{}k", rounded(n / 1e3)),
        n => rounded(n),
    }
}
