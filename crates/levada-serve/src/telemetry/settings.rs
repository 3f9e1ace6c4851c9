//! What the environment says of traces, as far as the SDK does not read it itself: it does for
//! samplers, limits, batches, headers and the resource's attributes.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

/// What the specification has, unless a variable says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where traces are wanted, and how they get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) endpoint: Uri,
    /// How long the collector may take for a batch.
    pub(super) timeout: Duration,
    /// The certificates (PEM) that vouch for the collector, instead of those that the system
    /// trusts.
    pub(super) certificates: Option<PathBuf>,
    pub(super) service_name: Option<String>,
}

impl Wanted {
    /// What these variables ask for; `None` if nothing is to be exported.
    ///
    /// # Errors
    /// Says which variable asks for something that is not there.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        // One that is empty counts as one that is not set.
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        if get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let of_traces = |what: &str| {
            let names = ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"];
            names.into_iter().find_map(|prefix| {
                let name = format!("{prefix}{what}");
                get(&name).map(|value| (name, value))
            })
        };
        let exporter = get("OTEL_TRACES_EXPORTER");
        if exporter.as_deref() == Some("none") {
            return Ok(None);
        }
        let Some((name, address)) = of_traces("ENDPOINT") else {
            return Ok(None);
        };
        if let Some(other) = exporter.filter(|exporter| exporter != "otlp") {
            return Err(format!("OTEL_TRACES_EXPORTER={other}: give otlp or none"));
        }
        if let Some((name, other)) = of_traces("PROTOCOL").filter(|(_, it)| it != "http/protobuf") {
            return Err(format!(
                "{name}={other}: give http/protobuf, the only protocol for traces"
            ));
        }
        let whole = match name.contains("TRACES") {
            true => address,
            // The address of a collector for all signals.
            false => format!("{}/v1/traces", address.trim_end_matches('/')),
        };
        let timeout = match of_traces("TIMEOUT") {
            None => TIMEOUT,
            Some((name, value)) => match value.parse() {
                Ok(milliseconds @ 1..) => Duration::from_millis(milliseconds),
                _ => return Err(format!("{name}={value:?}: give milliseconds")),
            },
        };
        Ok(Some(Self {
            endpoint: endpoint(&whole).map_err(|why| format!("{name}: {why}"))?,
            timeout,
            certificates: of_traces("CERTIFICATE").map(|(_, path)| path.into()),
            service_name: get("OTEL_SERVICE_NAME"),
        }))
    }
}

fn endpoint(text: &str) -> Result<Uri, &'static str> {
    let example = "give an address such as http://localhost:4318";
    let uri: Uri = text.parse().map_err(|_| example)?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            Err("an address has no name or password: see OTEL_EXPORTER_OTLP_HEADERS")
        }
        (Some("http" | "https"), Some(_)) => Ok(uri),
        _ => Err(example),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Wanted>, String> {
        Wanted::read(|name| {
            variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");

    #[test]
    fn only_an_endpoint_asks_for_traces() {
        let off: &[&[(&str, &str)]] = &[
            &[],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_SERVICE_NAME", "a")],
            &[ALL, ("OTEL_SDK_DISABLED", "True")],
            &[ALL, ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        ];
        for variables in off {
            assert_eq!(read(variables), Ok(None), "{variables:?}");
        }
        let on = read(&[ALL, ("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]);
        assert!(on.unwrap().is_some());
    }

    #[test]
    fn what_is_of_traces_comes_first() {
        let wanted = read(&[ALL]).unwrap().unwrap();
        assert_eq!(wanted.endpoint, "http://localhost:4318/v1/traces");
        assert_eq!(wanted.timeout, TIMEOUT);
        let wanted = read(&[
            ALL,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://a.example/x/"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1500"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "a.pem"),
            ("OTEL_SERVICE_NAME", "a"),
        ]);
        let expected = Wanted {
            endpoint: Uri::from_static("https://a.example/x/"),
            timeout: Duration::from_millis(1500),
            certificates: Some("a.pem".into()),
            service_name: Some("a".to_owned()),
        };
        assert_eq!(wanted, Ok(Some(expected)));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_name() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://localhost"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://name:word@localhost"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_TRACES_EXPORTER", "console"),
        ] {
            let why = read(&[(name, value), ALL]).unwrap_err();
            assert!(why.contains(name) && !why.contains("word@"), "{why}");
        }
    }
}
