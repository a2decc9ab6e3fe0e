//! A robot's account. Its password is made up once and kept in the robot's folder, readable by its
//! owner alone: there is nobody who could be asked for it.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use jasmin_client::{
    AccountView, Command, Config, Controller, Devices, FailureCode, VaultKey, VaultView,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::{args::Robot, outbox, platform, views};

const FILE: &str = "robot.json";

/// Robots are old enough.
const BIRTHDAY: &str = "1990-01-01";

/// How long the server may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
struct Account {
    email: String,
    password: String,
}

/// Starts a client and signs it in, or up.
pub(crate) async fn start(robot: &Robot, devices: Devices) -> anyhow::Result<Controller> {
    platform::make_private(&robot.folder)
        .with_context(|| format!("the folder {} cannot be used", robot.folder.display()))?;
    let controller = Controller::start(Config {
        data_dir: robot.folder.clone(),
        server: Some(robot.server.clone()),
        devices,
        vault: VaultKey::Session,
        downloads: None,
    })?;
    match sign_in_or_up(&controller, robot).await {
        Ok(()) => Ok(controller),
        Err(error) => {
            controller.quit().await;
            Err(error)
        }
    }
}

async fn sign_in_or_up(controller: &Controller, robot: &Robot) -> anyhow::Result<()> {
    let mut views = controller.views();
    views::find(&mut views, PATIENCE, "opening the vault", |view| {
        matches!(view.vault, VaultView::Open { .. }).then_some(())
    })
    .await?;

    let file = robot.folder.join(FILE);
    let account = match read(&file)? {
        Some(account) if account.email == robot.email => account,
        Some(_) => bail!(
            "{} belongs to another address than the one after --as; give that robot a folder of \
             its own with JASMIN_DATA_DIR",
            file.display()
        ),
        None => {
            let password = uuid::Uuid::new_v4().to_string();
            let account = Account {
                email: robot.email.clone(),
                password,
            };
            write(&file, &account)?;
            account
        }
    };
    if !sign_in(controller, &account).await? {
        sign_up(controller, robot, &account).await?;
    }
    views::find(&mut views, PATIENCE, "signing in", |view| {
        matches!(view.account, AccountView::SignedIn { .. }).then_some(())
    })
    .await
}

/// Whether the server knows the account. Waits for a server that is not there yet.
async fn sign_in(controller: &Controller, account: &Account) -> anyhow::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let email = account.email.clone();
        let password = account.password.clone();
        match controller
            .dispatch(Command::SignIn { email, password })
            .await
        {
            Ok(()) => return Ok(true),
            Err(failure) if failure.code == FailureCode::WrongCredentials => return Ok(false),
            Err(failure)
                if failure.code == FailureCode::Unreachable && Instant::now() < deadline =>
            {
                sleep(Duration::from_millis(500)).await;
            }
            Err(failure) => return Err(failure).context("signing in"),
        }
    }
}

async fn sign_up(controller: &Controller, robot: &Robot, account: &Account) -> anyhow::Result<()> {
    // Whoever starts a robot accepts for it what they publish themselves.
    let policy = views::find(
        &mut controller.views(),
        PATIENCE,
        "learning the server's policies",
        |view| view.policies.known.then(|| view.policies.in_force.clone()),
    )
    .await?;
    let sign_up = Command::SignUp {
        name: robot.name.clone(),
        email: account.email.clone(),
        password: account.password.clone(),
        birthday: BIRTHDAY.to_owned(),
        policy,
    };
    controller.dispatch(sign_up).await.context("signing up")?;
    let outbox = views::find(
        &mut controller.views(),
        PATIENCE,
        "learning where mail is",
        |view| view.server.outbox_url.clone(),
    )
    .await
    .context("a robot signs up at a server on this machine only")?;
    let code = outbox::code(&outbox, &account.email)
        .await
        .context("reading the mailed code")?;
    controller
        .dispatch(Command::VerifyEmail { code })
        .await
        .context("confirming the address")?;
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Option<Account>> {
    match fs::read(file) {
        Ok(text) => {
            let account = serde_json::from_slice(&text);
            account
                .map(Some)
                .with_context(|| format!("{} cannot be read", file.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn write(file: &Path, account: &Account) -> anyhow::Result<()> {
    let text = serde_json::to_vec(account)?;
    platform::new_private_file(file)
        .and_then(|mut file| file.write_all(&text))
        .with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert!(read(&file).unwrap().is_none());
        let account = Account {
            email: "echo@jasmin.test".to_owned(),
            password: "x".to_owned(),
        };
        write(&file, &account).unwrap();
        let again = read(&file).unwrap().unwrap();
        assert_eq!(
            (again.email, again.password),
            (account.email, account.password)
        );
        assert!(
            write(
                &file,
                &Account {
                    email: String::new(),
                    password: String::new()
                }
            )
            .is_err()
        );
    }

    #[test]
    fn a_spoilt_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, "{").unwrap();
        assert!(
            read(&file)
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }
}
