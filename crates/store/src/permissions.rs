//! What services may do, as operators change it.

use deadpool_postgres::GenericClient;
use domain::{Permission, ServiceId};
use time::OffsetDateTime;

use crate::{Error, sql_time};

/// Lets a service do something; it may do so already. One of ours is written into the table of
/// permissions when it is first granted: a database without it is Notify's to the row.
///
/// # Errors
/// [`Error::Conflict`] when there is no such service.
pub async fn grant(
    db: &impl GenericClient,
    service: ServiceId,
    permission: Permission,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let (name, now) = (<&str>::from(permission), sql_time::to_column(now));
    let sql = db
        .prepare_cached(
            "-- permissions.grant: the permission
        INSERT INTO service_permission_types (name) VALUES ($1) ON CONFLICT DO NOTHING",
        )
        .await?;
    db.execute(&sql, &[&name]).await?;
    let sql = db
        .prepare_cached(
            "-- permissions.grant
        INSERT INTO service_permissions (service_id, permission, created_at) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING",
        )
        .await?;
    db.execute(&sql, &[&service, &name, &now]).await?;
    Ok(())
}

/// Lets a service do something no longer; false when it may not do so.
///
/// # Errors
/// Database errors only.
pub async fn revoke(
    db: &impl GenericClient,
    service: ServiceId,
    permission: &str,
) -> Result<bool, Error> {
    let sql = db
        .prepare_cached(
            "-- permissions.revoke
        DELETE FROM service_permissions WHERE service_id = $1 AND permission = $2",
        )
        .await?;
    Ok(db.execute(&sql, &[&service, &permission]).await? > 0)
}

/// What a service may do, in the order of the alphabet; also what is unknown to us.
///
/// # Errors
/// Database errors only.
pub async fn list(db: &impl GenericClient, service: ServiceId) -> Result<Vec<String>, Error> {
    let sql = db
        .prepare_cached(
            "-- permissions.list
        SELECT permission FROM service_permissions WHERE service_id = $1 ORDER BY permission",
        )
        .await?;
    db.query(&sql, &[&service]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
