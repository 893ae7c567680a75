//! The day's letters go to the printer (tasks contract §3.1 and §3.4).

use app::{
    letters::{ClaimedLetter, PrintableLetter, parse_deadline},
    sending::Claimed,
};
use domain::NotificationStatus;
use providers::print::LetterToPrint;
use queue::{Attempt, Envelope, TaskError, TaskResult};
use store::notifications::Sent;
use tasks::{
    CheckTimeToCollateLetters, CollateLetterPdfsToBeSent, DeliverLetter, ShatterDeliverLettersTasks,
};
use tracing::{error, info, instrument, warn};

use crate::Context;

/// Why a letter was not handed to the printer.
#[derive(Debug, thiserror::Error)]
enum PrintError {
    #[error("no printer is configured")]
    NoPrinter,
    #[error("the letter's file is not there")]
    NoFile,
    #[error("the letter has no reference")]
    NoReference,
    #[error("the printer did not take it")]
    Printer(#[source] providers::Error),
    #[error("another attempt has it")]
    Claimed,
    #[error("the deadline cannot be read")]
    Deadline,
}

/// `check-time-to-collate-letters`: has the day's letters collated, if it is time.
pub async fn check_time(
    ctx: Context,
    _: CheckTimeToCollateLetters,
    attempt: Attempt,
) -> TaskResult {
    let due = ctx.app().collate_when_due(&attempt.trace()).await?;
    info!(due, "whether it is time to collate letters");
    Ok(())
}

/// `collate-letter-pdfs-to-be-sent`: sends the day's letters on their way to the printer.
pub async fn collate(
    ctx: Context,
    task: CollateLetterPdfsToBeSent,
    attempt: Attempt,
) -> TaskResult {
    let deadline = task
        .print_run_deadline_utc
        .as_deref()
        .map(|text| parse_deadline(text).ok_or_else(|| TaskError::fail(PrintError::Deadline)));
    let letters = ctx.app().collate_letters(deadline.transpose()?, &attempt.trace()).await?;
    info!(letters, "letters are on their way to the printer");
    Ok(())
}

/// `shatter-deliver-letters-tasks`: queues letters for the printer one by one.
pub async fn shatter(
    ctx: Context,
    task: ShatterDeliverLettersTasks,
    attempt: Attempt,
) -> TaskResult {
    let (app, trace) = (ctx.app(), attempt.trace());
    let message = |notification_id| {
        Envelope::new(&DeliverLetter { notification_id }, app.clock().new_id(), &trace)
    };
    let messages: Vec<Envelope> = task
        .notification_ids
        .into_iter()
        .map(message)
        .collect::<Result<_, _>>()
        .map_err(TaskError::fail)?;
    Ok(app.enqueue_all(&messages).await?)
}

/// `deliver_letter`: hands one letter to the printer. Does nothing when it has it.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn deliver(ctx: Context, task: DeliverLetter, attempt: Attempt) -> TaskResult {
    let letter = match ctx.app().claim_to_print(task.notification_id, &attempt).await {
        Ok(ClaimedLetter::Ours(letter)) => letter,
        Ok(ClaimedLetter::Not(Claimed::WaitForReceipt(wait) | Claimed::PutOff(wait))) => {
            return Err(TaskError::retry_in(PrintError::Claimed, wait));
        }
        Ok(ClaimedLetter::Not(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match print(&ctx, &letter).await {
        Ok(printer) => {
            let sent = Sent {
                id: task.notification_id,
                status: NotificationStatus::Sending,
                sent_by: printer,
                sent_at: ctx.app().clock().now(),
                billable_units: letter.letter.billable_units,
                reference: None,
            };
            ctx.app().record_sent(sent).await?;
            info!(provider.name = printer, "accepted by {printer}");
            Ok(())
        }
        Err(error) => failed(&ctx, &letter, &attempt, error).await,
    }
}

/// Hands the letter over; gives who has it.
async fn print(ctx: &Context, printable: &PrintableLetter) -> Result<&'static str, PrintError> {
    let printer = ctx.0.senders.printer().ok_or(PrintError::NoPrinter)?;
    let pdf = printable.pdf.as_ref().ok_or(PrintError::NoFile)?;
    let letter = &printable.letter;
    let to_print = LetterToPrint {
        id: letter.id.0,
        reference: letter.reference.as_deref().ok_or(PrintError::NoReference)?,
        address: &printable.claimed.to,
        postage: letter.postage.into(),
        service: letter.service_id.0,
        organisation: printable.organisation,
        pdf: pdf.body.clone(),
    };
    printer.print(&to_print).await.map_err(PrintError::Printer)?;
    Ok(printer.name())
}

/// A letter that was not handed over: given up when it never will be, else put off.
async fn failed(
    ctx: &Context,
    letter: &PrintableLetter,
    attempt: &Attempt,
    error: PrintError,
) -> TaskResult {
    let app = ctx.app();
    let permanent = match &error {
        PrintError::NoFile | PrintError::NoReference => true,
        PrintError::Printer(error) => error.is_permanent(),
        _ => false,
    };
    let why = runtime::chain(&error).to_string();
    if permanent {
        app.give_up(letter.letter.id, Some(&why)).await?;
        return Err(TaskError::fail(error));
    }
    let delay = attempt.retry_delay().unwrap_or_default();
    if let Err(error) = app.put_off(&letter.claimed, attempt, delay, &why).await {
        warn!(error = %runtime::chain(&error), "the claim stays until it runs out");
    }
    Err(TaskError::retry(error))
}

/// The last attempt to hand a letter over was in vain. Where nobody has said who prints, the letter
/// waits for the next day's run.
pub async fn give_up(ctx: Context, task: DeliverLetter, _: Attempt) -> TaskResult {
    if ctx.0.senders.printer().is_none() {
        error!(notification.id = %task.notification_id, "no printer is configured");
        return Ok(());
    }
    Ok(ctx.app().give_up(task.notification_id, None).await?)
}
