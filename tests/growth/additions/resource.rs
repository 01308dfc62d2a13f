
/// Vendors of integrations.
pub const VENDORS: Resource = Resource { noun: "vendor", one: "vendor", many: "vendors" };
