
/// <https://developer.pagerduty.com/api-reference/e2ae1bb4f6ea9-list-vendors>
pub static VENDOR: Kind = Kind {
    name: "vendor",
    many: "vendors",
    page: "vendors",
    serves: CRUD,
    fields: &[required("name"), optional("description", r#""""#)],
    filters: &[],
    check: |_| Ok(()),
    seed: include_str!("../seed/vendors.json"),
};
