//! Letters that wait too long (tasks contract §3.8).

use queue::{Attempt, Task, TaskError, TaskResult};
use tasks::{
    CheckIfLettersInTechnicalFailure, CheckIfLettersStillInCreated,
    CheckIfLettersStillPendingVirusCheck, CheckIfLettersStillPendingVirusCheckNightly,
    RaiseAlertIfLetterNotificationsStillSending,
};
use time::Duration;

use crate::Context;

/// What a monitor was asked makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("letters must be reported for longer than they are scanned again")]
struct WrongWayRound;

/// `check-if-letters-still-pending-virus-check`: has letters scanned again. Repeating it does so again.
pub async fn pending_virus_check(
    ctx: Context,
    task: CheckIfLettersStillPendingVirusCheck,
    attempt: Attempt,
) -> TaskResult {
    let name = CheckIfLettersStillPendingVirusCheck::NAME;
    let oldest = Duration::minutes(task.max_minutes_ago_to_check);
    ctx.app().rescan(name, oldest, oldest, &attempt.trace()).await?;
    Ok(())
}

/// `check-if-letters-still-pending-virus-check-nightly`: the same over days.
pub async fn pending_virus_check_nightly(
    ctx: Context,
    task: CheckIfLettersStillPendingVirusCheckNightly,
    attempt: Attempt,
) -> TaskResult {
    let (report, rescan) =
        (task.max_minutes_ago_to_check_only, task.max_minutes_ago_to_check_and_rescan);
    if report <= rescan {
        return Err(TaskError::fail(WrongWayRound));
    }
    let name = CheckIfLettersStillPendingVirusCheckNightly::NAME;
    let (rescan, report) = (Duration::minutes(rescan), Duration::minutes(report));
    ctx.app().rescan(name, rescan, report, &attempt.trace()).await?;
    Ok(())
}

/// `check-if-letters-still-in-created`: raises an alert for letters that a print run left out.
pub async fn still_created(
    ctx: Context,
    _: CheckIfLettersStillInCreated,
    _: Attempt,
) -> TaskResult {
    ctx.app().check_unprinted_letters(CheckIfLettersStillInCreated::NAME).await?;
    Ok(())
}

/// `check-if-letters-in-technical-failure`: raises an alert for letters that failed lately.
pub async fn in_technical_failure(
    ctx: Context,
    _: CheckIfLettersInTechnicalFailure,
    _: Attempt,
) -> TaskResult {
    ctx.app().check_failed_letters(CheckIfLettersInTechnicalFailure::NAME).await?;
    Ok(())
}

/// `raise-alert-if-letter-notifications-still-sending`: raises an alert for letters that the printer
/// says nothing of.
pub async fn still_sending(
    ctx: Context,
    _: RaiseAlertIfLetterNotificationsStillSending,
    _: Attempt,
) -> TaskResult {
    let name = RaiseAlertIfLetterNotificationsStillSending::NAME;
    ctx.app().check_letters_at_the_printer(name).await?;
    Ok(())
}
