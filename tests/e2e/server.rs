//! The server alone, as the app meets it.

use anyhow::Result;
use jasmin_tests::World;

#[test]
fn a_fresh_server_describes_itself() -> Result<()> {
    World::run("server", |world| {
        let description = world.server().get("/openapi.json")?;
        assert!(description.contains("\"/v1/calls\""), "it offers calls");
        assert!(world.server().outbox()?.mails.is_empty());
        Ok(())
    })
}

#[test]
fn a_killed_server_comes_back_on_the_same_port() -> Result<()> {
    World::run("restart", |world| {
        let url = world.server().url();
        world.server_mut().kill()?;
        assert!(world.server().get("/healthz").is_err(), "it is gone");
        world.server_mut().restart()?;
        assert_eq!(world.server().url(), url);
        Ok(())
    })
}
