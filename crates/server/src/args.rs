use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{Config, DatabaseUrl, DisclosureOrder, PartnerOrder, Publication};

/// What `--help` prints.
pub const USAGE: &str = "\
jasmin-server: the signalling API of Jasmin Chat

Usage: jasmin-server [OPTIONS]
       jasmin-server data-map    print what is stored about people, and what could be handed over
       jasmin-server policy publish FOLDER [--dry-run] [OPTIONS]
                                 publish the policy set in a folder, or say what that would do
       jasmin-server disclosure enrol NAME --key FILE [--vouched-by FILE]
                     disclosure file REQUEST.json --key FILE
                     disclosure approve|refuse|give CASE --key FILE [--why WORDS] [--out FILE]
                     disclosure list
                                 the register of lawful disclosures; two officers must approve
       jasmin-server partner propose RECORD.json
                     partner sign ID --document FILE --signed-on DAY --review-by DAY
                     partner activate ID
                     partner suspend|end ID --why WORDS
                     partner list
                                 whom people can share something with, and what each has signed

  --listen ADDRESS:PORT  where to listen [127.0.0.1:8420]; port 0 takes a free one
  --data-dir FOLDER      database file, key file, outbox [./data]   (JASMIN_SERVER_DATA)
  --db URL               postgres://… instead of the SQLite file    (JASMIN_DB)
  --ring-seconds N       how long a call rings [45]
  --minimum-age N        how old a person must be [16]
  --i-know-no-tls        listen beyond loopback; TLS ends in front of this process
  --help, --version

Log: JASMIN_LOG=warn|info|debug|trace [info], to standard error.
";

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// Run with this configuration.
    Run(Box<Config>),
    /// Print [`USAGE`].
    Help,
    /// Print the version.
    Version,
    /// Print [`data_map::describe`](crate::data_map::describe).
    DataMap,
    /// Publish policies.
    Publish(Box<Config>, Publication),
    /// Write in the register of lawful disclosures.
    Disclose(Box<Config>, DisclosureOrder),
    /// Write in the book of partners.
    Partner(Box<Config>, PartnerOrder),
}

/// A command line that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// No such option.
    #[error("unknown option {0}; --help lists them")]
    Unknown(String),
    /// Nothing behind the option.
    #[error("{0} needs a value")]
    Missing(&'static str),
    /// Not the kind of value the option takes.
    #[error("{option} takes {wants}")]
    Wrong {
        /// The option.
        option: &'static str,
        /// What it takes.
        wants: &'static str,
    },
}

impl Invocation {
    /// Reads the arguments (without the program's name) over the environment over the defaults.
    pub fn parse(
        args: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ArgsError> {
        let data_dir = env("JASMIN_SERVER_DATA").map_or_else(|| "data".into(), PathBuf::from);
        let mut config = Config::at(data_dir);
        if let Some(url) = env("JASMIN_DB") {
            config.db = Some(database_url("JASMIN_DB", url)?);
        }

        let mut args = args.into_iter().peekable();
        let mut publication = None;
        let mut papers = None;
        let is_first = |first: Option<&OsString>, desk: &str| first.is_some_and(|it| it == desk);
        let desk = [DISCLOSURE, PARTNER]
            .into_iter()
            .find(|desk| is_first(args.peek(), desk));
        if let Some(desk) = desk {
            args.next();
            papers = Some(Papers::new(desk, &mut args)?);
        } else if args.peek().is_some_and(|first| first == "policy") {
            args.next();
            let verb = args.next().ok_or(ArgsError::Missing("policy"))?;
            if verb != "publish" {
                return Err(ArgsError::Unknown(verb.to_string_lossy().into_owned()));
            }
            let folder = args.next().ok_or(ArgsError::Missing("policy publish"))?;
            publication = Some(Publication {
                folder: folder.into(),
                dry_run: false,
            });
        }
        while let Some(arg) = args.next() {
            let arg = arg.to_string_lossy().into_owned();
            let (option, inline) = match arg.split_once('=') {
                Some((option, value)) => (option.to_owned(), Some(OsString::from(value))),
                None => (arg, None),
            };
            let mut value = |name| {
                inline
                    .clone()
                    .or_else(|| args.next())
                    .ok_or(ArgsError::Missing(name))
            };
            let paper = papers.as_ref().and_then(|papers| papers.option(&option));
            if let (Some(name), Some(papers)) = (paper, &mut papers) {
                papers.options.insert(name, value(name)?);
                continue;
            }
            match option.as_str() {
                "--listen" => {
                    config.listen =
                        parsed("--listen", "an address and a port", value("--listen")?)?;
                }
                "--data-dir" => config.data_dir = PathBuf::from(value("--data-dir")?),
                "--db" => config.db = Some(database_url("--db", value("--db")?)?),
                "--ring-seconds" => {
                    let wants = "a number of seconds from 1 to 600";
                    let seconds = parsed("--ring-seconds", wants, value("--ring-seconds")?)?;
                    if !(1..=600).contains(&seconds) {
                        return Err(ArgsError::Wrong {
                            option: "--ring-seconds",
                            wants,
                        });
                    }
                    config.ring = Duration::from_secs(seconds);
                }
                "--minimum-age" => {
                    config.minimum_age = parsed(
                        "--minimum-age",
                        "a number of years",
                        value("--minimum-age")?,
                    )?;
                }
                "--dry-run" if publication.is_some() => {
                    if let Some(publication) = &mut publication {
                        publication.dry_run = true;
                    }
                }
                "data-map" => return Ok(Self::DataMap),
                "--i-know-no-tls" => config.i_know_no_tls = true,
                "--help" | "-h" => return Ok(Self::Help),
                "--version" | "-V" => return Ok(Self::Version),
                _ => return Err(ArgsError::Unknown(option)),
            }
        }
        let config = Box::new(config);
        match (publication, papers) {
            (Some(publication), _) => Ok(Self::Publish(config, publication)),
            (None, Some(papers)) => papers.invocation(config),
            (None, None) => Ok(Self::Run(config)),
        }
    }
}

/// What somebody lays on a desk, before it is known whether it is all.
struct Papers {
    desk: &'static str,
    verb: String,
    about: Option<OsString>,
    options: BTreeMap<&'static str, OsString>,
}

const DISCLOSURE: &str = "disclosure";
const PARTNER: &str = "partner";
/// What goes with orders to the desks.
const PAPERS: [(&str, &[&str]); 2] = [
    (DISCLOSURE, &["--key", "--vouched-by", "--out", "--why"]),
    (
        PARTNER,
        &["--document", "--signed-on", "--review-by", "--why"],
    ),
];

impl Papers {
    fn new(
        desk: &'static str,
        args: &mut impl Iterator<Item = OsString>,
    ) -> Result<Self, ArgsError> {
        let verb = args.next().ok_or(ArgsError::Missing(desk))?;
        let verb = verb.to_string_lossy().into_owned();
        let about = match (desk, verb.as_str()) {
            (_, "list") => None,
            (DISCLOSURE, "enrol" | "file" | "approve" | "refuse" | "give")
            | (PARTNER, "propose" | "sign" | "activate" | "suspend" | "end") => {
                Some(args.next().ok_or(ArgsError::Missing(desk))?)
            }
            _ => return Err(ArgsError::Unknown(verb)),
        };
        Ok(Self {
            desk,
            verb,
            about,
            options: BTreeMap::new(),
        })
    }

    /// The option, where it goes with orders to this desk.
    fn option(&self, option: &str) -> Option<&'static str> {
        let (_, known) = PAPERS.into_iter().find(|(desk, _)| *desk == self.desk)?;
        known.iter().find(|known| **known == option).copied()
    }

    fn path(&self, option: &'static str) -> Result<PathBuf, ArgsError> {
        let value = self.options.get(option);
        value.map(PathBuf::from).ok_or(ArgsError::Missing(option))
    }

    fn words(&self, option: &'static str) -> Result<String, ArgsError> {
        let value = self.options.get(option).ok_or(ArgsError::Missing(option))?;
        Ok(value.to_string_lossy().into_owned())
    }

    fn invocation(self, config: Box<Config>) -> Result<Invocation, ArgsError> {
        Ok(match self.desk {
            PARTNER => Invocation::Partner(config, self.partner_order()?),
            _ => Invocation::Disclose(config, self.disclosure_order()?),
        })
    }

    fn partner_order(&self) -> Result<PartnerOrder, ArgsError> {
        let Some(about) = &self.about else {
            return Ok(PartnerOrder::List);
        };
        let partner = about.to_string_lossy().into_owned();
        Ok(match self.verb.as_str() {
            "propose" => PartnerOrder::Propose {
                record: about.into(),
            },
            "sign" => PartnerOrder::Sign {
                partner,
                document: self.path("--document")?,
                signed_on: self.words("--signed-on")?,
                review_by: self.words("--review-by")?,
            },
            "activate" => PartnerOrder::Activate { partner },
            "suspend" => PartnerOrder::Suspend {
                partner,
                why: self.words("--why")?,
            },
            _ => PartnerOrder::End {
                partner,
                why: self.words("--why")?,
            },
        })
    }

    fn disclosure_order(&self) -> Result<DisclosureOrder, ArgsError> {
        let Some(about) = &self.about else {
            return Ok(DisclosureOrder::List);
        };
        let key = self.path("--key")?;
        let case = || parsed(DISCLOSURE, "the number of a case", about.clone());
        Ok(match self.verb.as_str() {
            "enrol" => DisclosureOrder::Enrol {
                name: about.to_string_lossy().into_owned(),
                key,
                vouched_by: self.path("--vouched-by").ok(),
            },
            "file" => DisclosureOrder::File {
                request: about.into(),
                key,
            },
            "approve" => DisclosureOrder::Approve { case: case()?, key },
            "refuse" => DisclosureOrder::Refuse {
                case: case()?,
                key,
                why: self.words("--why")?,
            },
            _ => DisclosureOrder::Give {
                case: case()?,
                key,
                out: self.path("--out")?,
            },
        })
    }
}

fn parsed<T: std::str::FromStr>(
    option: &'static str,
    wants: &'static str,
    value: OsString,
) -> Result<T, ArgsError> {
    let wrong = ArgsError::Wrong { option, wants };
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or(wrong)
}

fn database_url(option: &'static str, value: OsString) -> Result<DatabaseUrl, ArgsError> {
    let url: String = parsed(option, "a postgres:// URL", value)?;
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(ArgsError::Wrong {
            option,
            wants: "a postgres:// URL",
        });
    }
    Ok(DatabaseUrl(url))
}

/// Whether an address can only be reached from this machine.
pub(crate) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str], env: &[(&str, &str)]) -> Result<Invocation, ArgsError> {
        Invocation::parse(args.iter().map(OsString::from), |name| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        })
    }

    fn config(args: &[&str], env: &[(&str, &str)]) -> Config {
        let Invocation::Run(config) = parse(args, env).unwrap() else {
            panic!("{args:?} does not run");
        };
        *config
    }

    #[test]
    fn without_arguments_it_is_a_local_server_on_one_file() {
        let config = config(&[], &[]);
        assert_eq!(config.listen, "127.0.0.1:8420".parse().unwrap());
        assert_eq!(config.data_dir, PathBuf::from("data"));
        assert_eq!(config.db, None);
        assert!(!config.i_know_no_tls);
    }

    #[test]
    fn options_win_over_the_environment() {
        let env = [
            ("JASMIN_SERVER_DATA", "/from/env"),
            ("JASMIN_DB", "postgres://env"),
        ];
        let config = config(
            &[
                "--data-dir",
                "/from/args",
                "--listen=[::1]:0",
                "--ring-seconds",
                "2",
            ],
            &env,
        );
        assert_eq!(config.data_dir, PathBuf::from("/from/args"));
        assert_eq!(config.db, Some(DatabaseUrl("postgres://env".into())));
        assert_eq!(config.listen, "[::1]:0".parse().unwrap());
        assert_eq!(config.ring, Duration::from_secs(2));
    }

    #[test]
    fn says_what_is_wrong_with_a_command_line() {
        let said = |args: &[&str]| parse(args, &[]).unwrap_err().to_string();
        assert_eq!(
            said(&["--prot"]),
            "unknown option --prot; --help lists them"
        );
        assert_eq!(said(&["--listen"]), "--listen needs a value");
        assert_eq!(
            said(&["--listen", "here"]),
            "--listen takes an address and a port"
        );
        assert_eq!(said(&["--db", "mysql://x"]), "--db takes a postgres:// URL");
        assert_eq!(
            said(&["--ring-seconds", "0"]),
            "--ring-seconds takes a number of seconds from 1 to 600"
        );
    }

    #[test]
    fn a_publication_has_a_folder_and_says_which_database() {
        let parsed = |args: &[&str]| parse(args, &[]);
        let Ok(Invocation::Publish(config, publication)) = parsed(&[
            "policy",
            "publish",
            "here",
            "--dry-run",
            "--data-dir",
            "there",
        ]) else {
            panic!("it does not publish");
        };
        assert_eq!(config.data_dir, PathBuf::from("there"));
        assert_eq!(publication.folder, PathBuf::from("here"));
        assert!(publication.dry_run);
        let said = |args: &[&str]| parsed(args).unwrap_err().to_string();
        assert_eq!(said(&["policy"]), "policy needs a value");
        assert_eq!(said(&["policy", "publish"]), "policy publish needs a value");
        assert!(said(&["policy", "undo"]).contains("undo"));
        assert!(said(&["--dry-run"]).contains("--dry-run"));
    }

    #[test]
    fn an_officer_lays_all_papers_on_the_desk_or_is_told_what_is_missing() {
        let case = "7d1c1f2e-5f0a-4b60-9d53-3d0a4e6f9c11";
        let order = |args: &[&str]| {
            let args: Vec<&str> = ["disclosure"].iter().chain(args).copied().collect();
            match parse(&args, &[]) {
                Ok(Invocation::Disclose(_, order)) => Ok(order),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.to_string()),
            }
        };
        assert_eq!(order(&["list"]), Ok(DisclosureOrder::List));
        assert_eq!(
            order(&["enrol", "Ann", "--key", "a", "--vouched-by=b"]),
            Ok(DisclosureOrder::Enrol {
                name: "Ann".into(),
                key: "a".into(),
                vouched_by: Some("b".into()),
            })
        );
        assert_eq!(
            order(&["give", case, "--key", "a", "--out", "o", "--data-dir", "d"]),
            Ok(DisclosureOrder::Give {
                case: case.parse().unwrap(),
                key: "a".into(),
                out: "o".into(),
            })
        );
        for (args, fault) in [
            (&["burn"][..], "burn"),
            (&["approve"], "disclosure needs a value"),
            (&["approve", case], "--key needs a value"),
            (&["approve", "1", "--key", "a"], "the number of a case"),
            (&["refuse", case, "--key", "a"], "--why needs a value"),
            (&["give", case, "--key", "a"], "--out needs a value"),
            (&["list", "policy"], "policy"),
        ] {
            let said = order(args).unwrap_err();
            assert!(said.contains(fault), "{said}");
        }
    }

    #[test]
    fn a_partner_is_written_down_with_all_that_belongs_to_it() {
        let order = |args: &[&str]| {
            let args: Vec<&str> = [PARTNER].iter().chain(args).copied().collect();
            match parse(&args, &[]) {
                Ok(Invocation::Partner(_, order)) => Ok(order),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.to_string()),
            }
        };
        assert_eq!(order(&["list"]), Ok(PartnerOrder::List));
        assert_eq!(
            order(&[
                "sign",
                "acme",
                "--document=d",
                "--signed-on",
                "2026-11-01",
                "--review-by=2027-11-01"
            ]),
            Ok(PartnerOrder::Sign {
                partner: "acme".into(),
                document: "d".into(),
                signed_on: "2026-11-01".into(),
                review_by: "2027-11-01".into(),
            })
        );
        for (args, fault) in [
            (&["trust", "acme"][..], "trust"),
            (&["activate"], "partner needs a value"),
            (&["end", "acme"], "--why needs a value"),
            (
                &["sign", "acme", "--document", "d"],
                "--signed-on needs a value",
            ),
            (&["activate", "acme", "--key", "k"], "--key"),
        ] {
            let said = order(args).unwrap_err();
            assert!(said.contains(fault), "{said}");
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_still_loopback() {
        assert!(is_loopback("[::ffff:127.0.0.1]:1".parse().unwrap()));
        assert!(is_loopback("[::1]:1".parse().unwrap()));
        assert!(!is_loopback("[::]:1".parse().unwrap()));
        assert!(!is_loopback("0.0.0.0:1".parse().unwrap()));
    }
}
