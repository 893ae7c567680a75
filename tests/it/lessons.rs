//! Where each edge case and each lesson of the tasks contract has its tests.

use crate::house_rules::{root, sources};

/// The edge cases of §3.16.
const EDGE_CASES: &[(&str, &[&str])] = &[
    (
        "a job that is not pending; one exactly at the limit",
        &[
            "a_job_that_is_not_pending_is_left_alone",
            "a_job_beyond_the_days_limit_is_not_begun_and_one_at_the_limit_is",
        ],
    ),
    (
        "the job's version; a row saved before",
        &[
            "a_file_of_emails_uses_the_version_of_the_job",
            "a_row_that_is_sent_is_neither_sent_nor_tried_again_by_a_second_message",
            "a_row_that_another_producer_queued_under_another_id_is_saved_once",
        ],
    ),
    ("trial mode", &["a_service_in_trial_mode_sends_to_its_team_and_drops_other_rows"]),
    (
        "a message that is not there",
        &["a_message_that_is_not_there_yet_is_tried_again_after_its_channels_delay"],
    ),
    (
        "receipts of emails",
        &[
            "bounces_of_emails_are_soft_or_hard_and_a_second_receipt_changes_nothing",
            "a_receipt_of_a_young_email_waits_for_it_and_of_an_old_one_does_not",
        ],
    ),
    ("Firetext's codes", &["firetexts_codes_refine_its_failures"]),
    (
        "letters: no time-out, and replayed only while untouched",
        &[
            "letters_are_never_timed_out",
            "forgotten_messages_are_replayed",
            "the_pdf_that_a_letter_waits_for_is_asked_for_again",
        ],
    ),
    (
        "retention",
        &[
            "a_service_keeps_each_channel_as_long_as_it_says",
            "services_without_old_messages_get_no_child",
            "a_week_is_kept_and_the_day_begins_at_midnight_in_london",
        ],
    ),
    ("days of status", &["emails_and_texts_are_counted_for_four_days_and_letters_for_ten"]),
    (
        "London's days, also when the clocks change",
        &[
            "a_day_begins_and_ends_at_midnight_in_london",
            "days_on_which_the_clocks_change_are_whole",
            "a_bill_begins_and_ends_at_midnight_in_london_also_when_the_clocks_change",
            "a_days_processing_time_is_of_londons_day_also_when_the_clocks_change",
            "received_texts_are_kept_for_seven_days_of_london",
            "requests_are_archived_a_week_after_their_report_or_after_90_days_without_one",
            "the_deadline_is_the_last_half_past_five_in_london",
            "folders_change_after_half_past_five_in_london",
            "half_past_five_is_londons_also_when_the_clocks_change",
        ],
    ),
    (
        "letters still sending",
        &[
            "letters_that_the_printer_says_nothing_of_are_reported_by_working_days",
            "bank_holidays_are_no_working_days_of_the_printer",
        ],
    ),
    ("no entry in the last hour", &["no_entry_is_due_only_in_the_last_hour_of_a_day"]),
    (
        "references that are none",
        &["returned_letters_are_marked_wherever_they_are_and_told_of_once"],
    ),
];

/// The lessons of §7, by number.
const LESSONS: [&[&str]; 26] = [
    // 1: a message is not held longer than the broker waits
    &[
        "no_run_may_take_as_long_as_the_broker_waits_for_its_end",
        "work_of_minutes_never_waits_in_a_busy_worker",
    ],
    // 2: fan-out at production counts; a parent that dies
    &[
        "the_work_of_thousands_of_services_is_fanned_out_whole",
        "a_task_that_lost_its_worker_is_run_again",
    ],
    // 3, 4: delays wait in the broker
    &[
        "a_retry_comes_back_through_the_broker_after_its_delay",
        "an_incoming_eta_is_moved_to_the_broker",
    ],
    &["an_eta_waits_in_the_broker", "the_parent_takes_the_arguments_of_python_producers"],
    // 5: bounded concurrency
    &["running_and_waiting_tasks_are_listed", "a_queue_has_its_roles_limits_or_its_own"],
    // 6: a queue for each class of duration
    &[
        "work_of_minutes_never_waits_in_a_busy_worker",
        "all_roles_together_serve_each_of_our_19_queues_once",
    ],
    // 7: constant memory
    &["a_night_of_many_messages_takes_no_more_memory_than_one_of_few"],
    // 8: caches have limits
    &[
        "every_cache_has_a_limit_and_forgets",
        "the_oldest_are_forgotten",
        "a_full_room_leaves_the_others_free_and_an_empty_one_is_forgotten",
    ],
    // 9: stuck jobs
    &["jobs_that_stopped_half_way_are_resumed_however_long_ago_that_was"],
    // 10: letters stuck in their scan
    &[
        "letters_are_scanned_again_when_their_file_still_waits",
        "what_the_apps_lose_is_asked_for_again",
    ],
    // 11: time-outs of any volume
    &["however_many_there_are_and_however_many_runs_each_ends_once"],
    // 12: an alert when the repair fails
    &["messages_that_stay_created_make_no_ticket"],
    // 13: beat and summer time
    &[
        "every_entry_is_due_as_it_should_be_when_the_clock_changes",
        "a_daily_entry_is_due_once_on_each_of_londons_days",
        "an_entry_in_the_hour_that_spring_skips_is_due_right_after",
        "an_entry_in_the_hour_that_autumn_repeats_is_due_the_first_time",
    ],
    // 14: the all-time view
    &[
        "live_and_archived_messages_count_alike_and_test_keys_never",
        "counts_are_exact_while_messages_move_and_change_and_are_counted",
    ],
    // 15: no dead facts
    &[
        "a_second_run_finds_new_changed_and_vanished_facts",
        "no_stale_group_stays_and_a_doubled_run_changes_nothing",
    ],
    // 16: the history's index
    &["counting_a_day_reads_no_table_from_end_to_end"],
    // 17: the request's id is a header
    &["subtasks_inherit_the_named_headers", "a_celery_worker_takes_part"],
    // 18: what is too long for a message
    &[
        "rows_travel_in_messages_of_32_and_then_one_by_one",
        "long_rows_travel_in_messages_of_fewer",
        "a_task_that_is_too_long_to_be_read_is_refused_and_harms_no_other",
        "a_compressed_body_is_read",
    ],
    // 19: large jobs
    &[
        "many_are_published_at_once",
        "a_job_whose_worker_died_is_resumed_without_a_lost_or_doubled_row",
        "a_job_is_whole_however_often_its_worker_dies_and_the_broker_goes_away",
    ],
    // 20: every key ends
    &["every_key_goes_by_itself_but_the_buckets_and_the_time_of_the_last_bill"],
    // 21: no results
    &["whatever_waits_for_a_result_is_a_dead_letter"],
    // 22: peers of several versions
    &["messages_of_older_producers_are_understood", "every_captured_message_is_read"],
    // 23: no personal data in what is shown of a task
    &[
        "only_ids_dates_and_small_values_are_displayed",
        "an_argument_that_does_not_fit_is_not_repeated",
    ],
    // 24: no connection is held during a provider's answer
    &["a_slow_provider_of_text_messages_does_not_hold_up_emails"],
    // 25: poison
    &["a_malformed_message_is_a_typed_error", "what_we_write_has_the_form_of_what_celery_writes"],
    // 26: one-off messages beside bulk; age, not length
    &["a_sign_in_code_does_not_wait_behind_bulk", "a_survey_finds_what_waits_and_what_was_taken"],
];

#[test]
fn every_edge_case_and_every_lesson_has_its_tests() {
    let here = root().join("tests/it/lessons.rs");
    let all: String = ["crates", "tests"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .filter(|(path, _)| *path != here)
        .map(|(_, text)| text)
        .collect();
    let named = EDGE_CASES.iter().map(|(_, tests)| *tests).chain(LESSONS);
    for test in named.flatten() {
        assert!(all.contains(&format!("fn {test}(")), "{test} has gone");
    }
}
