use super::*;

const SMS: Template<'_> = Template::Sms { content: "Hi ((name))", prefix: None };

fn file(text: &str) -> Recipients<'_> {
    Recipients::new(text, SMS, Options::default()).unwrap()
}

#[test]
fn rows_without_errors_are_shown_first_ten() {
    let text = format!("phone number,name\n{}", "07700900123,Jo\n".repeat(30));
    let report = file(&text).check();
    assert!(!report.has_errors);
    assert_eq!(report.shown.len(), 10);
}

#[test]
fn rows_with_errors_are_shown_first_twenty_unless_a_column_is_missing() {
    let text = format!("phone number,name\n07700900123,Jo\n{}", "07700900123,\n".repeat(30));
    let report = file(&text).check();
    assert_eq!((report.rows_with_errors, report.shown.len()), (30, 20));
    assert_eq!(report.shown[0].index, 1);
    let text = format!("number,name\n07700900123,Jo\n{}", "07700900123,\n".repeat(30));
    let report = file(&text).check();
    assert_eq!(report.missing_column_headers, ["phone number"]);
    assert_eq!((report.shown.len(), report.shown[0].index), (10, 0));
}

#[test]
fn columns_to_the_right_of_all_values_count_by_name() {
    let text = "phone number,name,,name,,town\n07700900123,Jo,,,,\n07700900123,Al,";
    assert_eq!(file(text).column_headers(), ["phone number", "name", "", "town"]);
}

#[test]
fn a_file_of_the_template_needs_no_column_and_a_column_of_its_name_is_not_used() {
    let files: Vec<TemplateFile> = serde_json::from_value(serde_json::json!([{
        "id": "00000000-0000-0000-0000-000000000000", "filename": "Price list.csv",
        "link_text": null, "retention_period": 1, "validate_users_email": false,
    }]))
    .unwrap();
    let content = "((price-list.csv)) ((name))";
    let template = Template::Email { subject: "((Price List.csv))", content, files: &files };
    let read = |text| Recipients::new(text, template, Options::default()).unwrap();
    assert_eq!(read("email address\na@example.com").missing_column_headers(), ["name"]);
    let file = read("email address,name,pricelist.csv\na@example.com,Jo,");
    assert!(!file.check().has_errors);
    assert!(!file.rows().next().unwrap().cells[2].is_used);
}

#[test]
fn personal_data_is_not_shown() {
    let recipients = file("phone number,name\n07700900123,Secret");
    let rows: Vec<Row> = recipients.rows().collect();
    assert!(!format!("{recipients:?} {rows:?} {:?}", recipients.check()).contains("Secret"));
}
