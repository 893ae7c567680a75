//! Against real Celery: the oldest version that we work with, and the newest.
//!
//! The programs are Celery's own. `app.py` is the app that they load.

mod app;
mod delays;
mod flower;
mod levels;
mod notes;
mod producing;
mod results;
mod serving;
mod tap;
mod tools;
mod waiting;

use app::Version;

/// Makes two tests of each function, which is given the version of Celery.
macro_rules! with_each_celery {
    ($($test:ident),* $(,)?) => {
        mod oldest {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::interop::Version::Oldest).await;
            })*
        }
        mod newest {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::interop::Version::Newest).await;
            })*
        }
    };
}
use with_each_celery;
