//! What the company does: its teams and their services.

/// Where its headquarters are, and so the account's time zone.
pub const HOME: &str = "America/New_York";

pub struct TeamPlan {
    pub name: &'static str,
    pub description: &'static str,
    pub parent: Option<&'static str>,
    pub zone: &'static str,
    /// Its share of all incidents, per service.
    pub load: usize,
    pub rota: Rota,
    /// Name and description. The last one can wait until morning.
    pub services: &'static [(&'static str, &'static str)],
}

/// How a team's primary schedule is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rota {
    /// Everybody in turn, a week each.
    Weekly,
    /// The same, in a layer to which PagerDuty gave no ID.
    WeeklyWithoutId,
    /// One layer for the day above one for the rest.
    DayAndNight,
    /// Nobody is on call at night.
    OfficeHours,
}

/// The current user belongs to the first two.
pub const TEAMS: &[TeamPlan] = &[
    TeamPlan {
        name: "Payments",
        description: "Takes the money, gives it back, and knows where it is in between",
        parent: None,
        zone: "America/New_York",
        load: 6,
        rota: Rota::Weekly,
        services: &[
            ("Payments API", "Authorises, captures and refunds card and wallet payments"),
            ("Payment Gateway", "Talks to the acquiring banks"),
            ("Fraud Scoring", "Rates every payment before it is authorised"),
            ("Ledger Reconciliation", "Compares our books with the banks' every night"),
        ],
    },
    TeamPlan {
        name: "Checkout",
        description: "From a full basket to a placed order",
        parent: None,
        zone: "America/New_York",
        load: 6,
        rota: Rota::Weekly,
        services: &[
            ("Checkout API", "Carries an order through its steps"),
            ("Basket Service", "Holds baskets for guests and customers"),
            ("Tax Calculator", "Works out taxes for every destination"),
            ("Voucher Service", "Vouchers, gift cards and promotions"),
        ],
    },
    TeamPlan {
        name: "Platform",
        description: "The ground everybody else builds on",
        parent: None,
        zone: "Europe/Berlin",
        load: 2,
        rota: Rota::DayAndNight,
        services: &[
            ("API Edge", "Gateway, rate limits and routing for all public traffic"),
            ("Service Mesh", "Traffic between services"),
            ("Build Farm", "Runners for builds and deployments"),
        ],
    },
    TeamPlan {
        name: "Kubernetes",
        description: "Clusters, nodes and what schedules on them",
        parent: Some("Platform"),
        zone: "Europe/Berlin",
        load: 2,
        rota: Rota::Weekly,
        services: &[
            ("Production Clusters", "The clusters in all regions that serve customers"),
            ("Container Registry", "Images of everything we run"),
            ("Staging Clusters", "Where releases are rehearsed"),
        ],
    },
    TeamPlan {
        name: "Observability",
        description: "Metrics, logs and traces, and the alarms about alarms",
        parent: Some("Platform"),
        zone: "Europe/London",
        load: 1,
        rota: Rota::Weekly,
        services: &[
            ("Metrics Pipeline", "Collects and stores time series"),
            ("Log Search", "Ingests and indexes logs"),
            ("Tracing", "Keeps a sample of all traces"),
        ],
    },
    TeamPlan {
        name: "Data Platform",
        description: "Streams, warehouse and the jobs in between",
        parent: None,
        zone: "Asia/Kolkata",
        load: 2,
        rota: Rota::Weekly,
        services: &[
            ("Event Stream", "The log of everything that happens"),
            ("Data Warehouse", "Where questions about last quarter are answered"),
            ("Nightly Reports", "What finance reads in the morning"),
        ],
    },
    TeamPlan {
        name: "Search",
        description: "Finds what customers mean",
        parent: None,
        zone: "Europe/London",
        load: 1,
        rota: Rota::WeeklyWithoutId,
        services: &[
            ("Product Search", "Search and filters of the catalogue"),
            ("Search Indexer", "Keeps the index in step with the catalogue"),
            ("Recommendations", "What others looked at, too"),
        ],
    },
    TeamPlan {
        name: "Identity",
        description: "Who you are and what you may do",
        parent: None,
        zone: "America/Los_Angeles",
        load: 2,
        rota: Rota::Weekly,
        services: &[
            ("Login", "Passwords, passkeys and single sign-on"),
            ("Session Store", "Keeps everybody logged in"),
            ("Profile Service", "Names, addresses and preferences"),
        ],
    },
    TeamPlan {
        name: "Mobile",
        description: "The apps and what they talk to",
        parent: None,
        zone: "America/Los_Angeles",
        load: 1,
        rota: Rota::Weekly,
        services: &[
            ("Mobile Backend", "Shapes answers for the apps"),
            ("Push Notifications", "Tells customers where their parcel is"),
            ("App Releases", "Gets new versions into the stores"),
        ],
    },
    TeamPlan {
        name: "Web Storefront",
        description: "The shop as browsers see it",
        parent: None,
        zone: "America/Sao_Paulo",
        load: 1,
        rota: Rota::Weekly,
        services: &[
            ("Storefront", "Renders the pages of the shop"),
            ("Image Resizer", "Pictures in every size"),
            ("Landing Pages", "Campaigns, written by marketing"),
        ],
    },
    TeamPlan {
        name: "Messaging",
        description: "E-mail, text messages, and the queues behind them",
        parent: None,
        zone: "Asia/Tokyo",
        load: 1,
        rota: Rota::Weekly,
        services: &[
            ("Mail Delivery", "Order confirmations and everything after"),
            ("Message Broker", "Queues that other teams rely on"),
            ("Newsletter", "Goes out on Thursdays"),
        ],
    },
    TeamPlan {
        name: "Logistics",
        description: "From the shelf to the door",
        parent: None,
        zone: "Australia/Sydney",
        load: 1,
        rota: Rota::Weekly,
        services: &[
            ("Warehouse Robots", "Dispatches the picking robots"),
            ("Carrier Integrations", "Labels, tracking and pick-ups"),
            ("Stock Forecast", "Guesses what will sell"),
        ],
    },
    TeamPlan {
        name: "Support Tools",
        description: "What the people on the phone work with",
        parent: None,
        zone: "America/Sao_Paulo",
        load: 1,
        rota: Rota::OfficeHours,
        services: &[
            ("Support Desk", "Tickets, chats and calls"),
            ("Returns Portal", "Where things come back"),
            ("Help Centre", "Answers before anybody asks"),
        ],
    },
    TeamPlan {
        name: "Security",
        description: "Expects the worst",
        parent: None,
        zone: "Europe/London",
        load: 1,
        rota: Rota::Weekly,
        services: &[
            ("Secrets Vault", "Keys, certificates and passwords of machines"),
            ("Web Firewall", "Keeps the worst traffic out"),
            ("Vulnerability Scanner", "Looks for holes before others do"),
        ],
    },
];

/// The policy and the service that belong to no team: the teamless user's.
pub const VENDOR_POLICY: &str = "Facilities and Vendors";
pub const VENDOR_SERVICE: (&str, &str) = ("Office Network", "Wireless, printers and door locks, run by a contractor");
