//! Letters before they are printed, and after (tasks contract §3.4).

use app::letters::PrinterWord;
use queue::{Attempt, TaskError, TaskResult};
use tasks::{
    CreateFakeLetterCallback, GetPdfForTemplatedLetter, ProcessLetterCallback,
    ProcessReturnedLettersList, ProcessSanitisedLetter, ProcessVirusScanError,
    ProcessVirusScanFailed, ResanitiseLetterAttachment, ResanitisePdf, SanitiseLetter,
    UpdateBillableUnitsForLetter, UpdateValidationFailedForTemplatedLetter,
    letters::{RecreatePdfForTemplateLetterAttachments, SanitisedLetter},
};
use time::{Date, format_description::well_known::Iso8601};
use tracing::{info, instrument};

use crate::Context;

/// Why a letter's task cannot be done.
#[derive(Debug, thiserror::Error)]
enum LetterError {
    #[error("the signed letter cannot be read")]
    Signed(#[from] domain::signing::SigningError),
    #[error("the printer said something that is not understood")]
    Word,
    #[error("the printer cannot print the letter")]
    Rejected,
    #[error("the day of despatch cannot be read")]
    Day,
}

/// `get-pdf-for-templated-letter`: asks for the letter's PDF. Repeating it makes the PDF again.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn get_pdf(ctx: Context, task: GetPdfForTemplatedLetter, attempt: Attempt) -> TaskResult {
    Ok(ctx.app().request_pdf(task.notification_id, &attempt.trace()).await?)
}

/// The PDF could not be asked for, however often.
pub async fn give_up_pdf(ctx: Context, task: GetPdfForTemplatedLetter, _: Attempt) -> TaskResult {
    Ok(ctx.app().give_up_letter(task.notification_id).await?)
}

/// `update-billable-units-for-letter`: the letter's PDF has been made. Repeating it changes nothing.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn billable_units(
    ctx: Context,
    task: UpdateBillableUnitsForLetter,
    _: Attempt,
) -> TaskResult {
    Ok(ctx.app().letter_typeset(task.notification_id, task.page_count).await?)
}

/// `update-validation-failed-for-templated-letter`: the letter's PDF has too many pages. Repeating it
/// changes nothing.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn validation_failed(
    ctx: Context,
    task: UpdateValidationFailedForTemplatedLetter,
    _: Attempt,
) -> TaskResult {
    Ok(ctx.app().letter_too_long(task.notification_id, task.page_count).await?)
}

/// `sanitise-letter`: the letter's PDF is clean; has it sanitised. Repeating it does so again, while
/// the letter waits for that.
#[instrument(skip_all, fields(file = task.filename))]
pub async fn sanitise(ctx: Context, task: SanitiseLetter, attempt: Attempt) -> TaskResult {
    Ok(ctx.app().send_for_sanitising(&task.filename, &attempt.trace()).await?)
}

/// The letter could not be sent on, however often.
pub async fn give_up_sanitise(ctx: Context, task: SanitiseLetter, _: Attempt) -> TaskResult {
    Ok(ctx.app().give_up_letter_of(&task.filename).await?)
}

/// `process-sanitised-letter`: takes over what the check of the letter's PDF found. Repeating it
/// finishes what an earlier run left half done.
#[instrument(skip_all, fields(notification.id))]
pub async fn sanitised(ctx: Context, task: ProcessSanitisedLetter, _: Attempt) -> TaskResult {
    let check = read(&ctx, &task)?;
    tracing::Span::current()
        .record("notification.id", tracing::field::display(check.notification_id));
    Ok(ctx.app().take_over_check(&check).await?)
}

/// The letter's files could not be moved, however often.
pub async fn give_up_sanitised(
    ctx: Context,
    task: ProcessSanitisedLetter,
    _: Attempt,
) -> TaskResult {
    let check = read(&ctx, &task)?;
    Ok(ctx.app().give_up_letter(check.notification_id).await?)
}

fn read(ctx: &Context, task: &ProcessSanitisedLetter) -> Result<SanitisedLetter, TaskError> {
    let read = ctx.app().signer().unsign(&task.sanitise_data);
    read.map_err(|error| TaskError::fail(LetterError::from(error)))
}

/// `process-virus-scan-failed`: a virus was found in the letter's PDF. Repeating it changes nothing.
#[instrument(skip_all, fields(file = task.filename))]
pub async fn virus_found(ctx: Context, task: ProcessVirusScanFailed, _: Attempt) -> TaskResult {
    Ok(ctx.app().virus_found(&task.filename).await?)
}

/// `process-virus-scan-error`: the letter's PDF could not be scanned. Repeating it changes nothing.
#[instrument(skip_all, fields(file = task.filename))]
pub async fn scan_failed(ctx: Context, task: ProcessVirusScanError, _: Attempt) -> TaskResult {
    Ok(ctx.app().scan_failed(&task.filename).await?)
}

/// `resanitise-pdf`: has the letter's PDF made again from what came with it.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn resanitise(ctx: Context, task: ResanitisePdf, attempt: Attempt) -> TaskResult {
    Ok(ctx.app().resanitise(task.notification_id, &attempt.trace()).await?)
}

/// `resanitise-letter-attachment`: has an attachment made again from what was uploaded.
pub async fn resanitise_attachment(
    ctx: Context,
    task: ResanitiseLetterAttachment,
    attempt: Attempt,
) -> TaskResult {
    let again = RecreatePdfForTemplateLetterAttachments {
        service_id: task.service_id,
        attachment_id: task.attachment_id,
        original_filename: task.original_filename,
    };
    let id = ctx.app().clock().new_id();
    let message = queue::Envelope::new(&again, id, &attempt.trace()).map_err(TaskError::fail)?;
    Ok(ctx.app().enqueue(message).await?)
}

/// `process-letter-callback`: applies what the printer says. Repeating it changes nothing. A letter
/// that cannot be printed ends as a dead letter too, where an operator sees it.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn printer_word(ctx: Context, task: ProcessLetterCallback, _: Attempt) -> TaskResult {
    let word: PrinterWord =
        task.dvla_status.parse().map_err(|_| TaskError::fail(LetterError::Word))?;
    let day = task
        .despatch_date
        .as_deref()
        .map(|text| day(text).ok_or_else(|| TaskError::fail(LetterError::Day)));
    let despatch = day.transpose()?.zip(task.cost_threshold.as_deref());
    let app = ctx.app();
    let changed =
        app.apply_print_receipt(task.notification_id, word, task.page_count, despatch).await?;
    info!(%word, changed, "the printer's word");
    if changed && word == PrinterWord::Rejected {
        return Err(TaskError::fail(LetterError::Rejected));
    }
    Ok(())
}

/// The day in a text: a date, or a time of that day.
fn day(text: &str) -> Option<Date> {
    Date::parse(text.get(..10)?, &Iso8601::DATE).ok()
}

/// `create-fake-letter-callback`: plays the printer for a letter of a test key.
#[instrument(skip_all, fields(notification.id = %task.notification_id))]
pub async fn play_printer(
    ctx: Context,
    task: CreateFakeLetterCallback,
    attempt: Attempt,
) -> TaskResult {
    Ok(ctx.app().play_printer(&task, &attempt.trace()).await?)
}

/// `process-returned-letters-list`: marks letters as returned. Repeating it changes nothing, and tells
/// nobody again.
pub async fn returned(
    ctx: Context,
    task: ProcessReturnedLettersList,
    attempt: Attempt,
) -> TaskResult {
    let references = &task.notification_references;
    let new = ctx.app().letters_returned(references, &attempt.trace()).await?;
    info!(references = references.len(), new, "returned letters");
    Ok(())
}
