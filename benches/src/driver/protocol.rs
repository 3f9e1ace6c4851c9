//! What parent and child say to each other: a line for each request on the child's standard input,
//! a line of JSON for each answer on its standard output.

use std::fmt;
use std::str::FromStr;

/// `round N CONTENDER`: do N operations as that contender.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) n: u64,
    pub(crate) contender: String,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {} {}", self.n, self.contender)
    }
}

impl FromStr for Request {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.splitn(3, ' ');
        if let (Some("round"), Some(n), Some(contender)) =
            (words.next(), words.next(), words.next())
            && let Ok(n) = n.parse()
        {
            return Ok(Self { n, contender: contender.to_owned() });
        }
        Err(format!("`{line}` is no request; say `round N CONTENDER`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Round;
    use std::time::Duration;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let request = Request { n: 1000, contender: "levada (again)".into() };
        assert_eq!(request.to_string().parse(), Ok(request));
        for wrong in ["", "round", "round x levada", "round 5", "stop 5 levada"] {
            assert!(wrong.parse::<Request>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        for round in [Round::Time(Duration::from_nanos(17)), Round::Values(vec![0.0, 1.5])] {
            let line = serde_json::to_string(&round).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Round>(&line).unwrap(), round);
        }
    }
}
