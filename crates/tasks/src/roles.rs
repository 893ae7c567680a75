//! Worker roles: which queues a worker process serves, and how much of each at once
//! (tasks contract §8.1).
//!
//! The role decides the queues, not the tasks: every worker knows every task.

use queue::Consume;

use crate::queues;

/// A group of queues that one worker process serves.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// What `--role` calls it.
    pub name: &'static str,
    /// Its queues, each with its own concurrency and prefetch.
    pub queues: &'static [Consume],
}

/// Work of milliseconds to a few seconds: messages wait in the worker, four for each slot.
const fn short(queue: &'static str, concurrency: u16) -> Consume {
    Consume { queue, concurrency, prefetch: 4 * concurrency }
}

/// Work of seconds to minutes: nothing waits in a busy worker.
const fn long(queue: &'static str, concurrency: u16) -> Consume {
    Consume { queue, concurrency, prefetch: concurrency }
}

/// Every role of ours. The queues that a Python app serves by default are not among them.
pub const ALL: &[Role] = &[
    Role {
        name: "delivery",
        // They wait for a provider nearly all the time.
        queues: &[short(queues::SEND_SMS, 96), short(queues::SEND_EMAIL, 96)],
    },
    Role { name: "retry", queues: &[short(queues::RETRY, 32)] },
    Role { name: "internal", queues: &[short(queues::INTERNAL, 8)] },
    Role {
        name: "jobs",
        queues: &[
            long(queues::JOBS, 2),
            short(queues::DATABASE, 16),
            long(queues::DATABASE_DOCUMENTS, 4),
        ],
    },
    Role {
        name: "receipts",
        queues: &[
            short(queues::SES_CALLBACKS, 64),
            short(queues::SMS_CALLBACKS, 64),
            short(queues::LETTER_CALLBACKS, 4),
        ],
    },
    Role { name: "callbacks", queues: &[short(queues::SERVICE_CALLBACKS, 64)] },
    Role { name: "callbacks-retry", queues: &[short(queues::SERVICE_CALLBACKS_RETRY, 64)] },
    Role {
        name: "letters",
        queues: &[
            short(queues::CREATE_LETTERS_PDF, 8),
            short(queues::LETTERS, 8),
            long(queues::SEND_LETTER, 4),
        ],
    },
    Role {
        name: "reporting",
        queues: &[long(queues::REPORTING, 4), long(queues::REPORT_REQUESTS, 2)],
    },
    Role { name: "periodic", queues: &[long(queues::PERIODIC, 4)] },
    Role { name: "research", queues: &[short(queues::RESEARCH_MODE, 8)] },
];

/// The role of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Role> {
    ALL.iter().find(|role| role.name == name)
}

/// How a queue is consumed, whichever role it belongs to.
#[must_use]
pub fn find_queue(queue: &str) -> Option<Consume> {
    ALL.iter().flat_map(|role| role.queues).find(|consume| consume.queue == queue).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn work_of_minutes_never_waits_in_a_busy_worker() {
        for queue in [
            queues::JOBS,
            queues::DATABASE_DOCUMENTS,
            queues::SEND_LETTER,
            queues::REPORTING,
            queues::REPORT_REQUESTS,
            queues::PERIODIC,
        ] {
            let consume = find_queue(queue).unwrap();
            assert_eq!(consume.prefetch, consume.concurrency, "{queue}");
        }
    }

    #[test]
    fn all_roles_together_serve_each_of_our_19_queues_once() {
        let queues: Vec<_> = ALL.iter().flat_map(|role| role.queues).map(|c| c.queue).collect();
        assert_eq!(queues.len(), 19);
        assert_eq!(queues.iter().collect::<HashSet<_>>().len(), 19);
    }
}
