import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// A tier: `{"id":"basic","name":…,"limits":{…},"origin":"admin","version":7}`
struct TierView: Encodable {
    var tier: TierEntry
    var version: Int64?
    /// Sentences in the response to a change.
    var warnings: [String] = []

    func encode(to encoder: any Encoder) throws {
        try TierJSON(tier.tier).encode(to: encoder)
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(tier.tier.id, forKey: JSONKey("id"))
        try container.encode(tier.tier.isEnabled, forKey: JSONKey("enabled"))
        try container.encode(tier.origin, forKey: JSONKey("origin"))
        try container.encode(version, forKey: JSONKey("version"))
        if !warnings.isEmpty { try container.encode(warnings, forKey: JSONKey("warnings")) }
    }
}

/// An assignment:
/// `{"id":"role:Faculty","type":"role","subject":"Faculty","tier":"premium","priority":200,"enabled":true,…}`
struct AssignmentView: Encodable {
    var assignment: Assignment
    var version: Int64?
    /// Sentences in the response to a change.
    var warnings: [String] = []

    init(_ assignment: Assignment, version: Int64? = nil) {
        self.assignment = assignment
        self.version = version
    }

    init(_ stored: Versioned<Assignment>) {
        self.init(stored.item, version: stored.version)
    }

    func encode(to encoder: any Encoder) throws {
        try AssignmentJSON(assignment).encode(to: encoder)
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(assignment.subject.id, forKey: JSONKey("id"))
        try container.encode(assignment.subject.kind, forKey: JSONKey("type"))
        try container.encode(assignment.subject.name, forKey: JSONKey("subject"))
        try container.encode(assignment.origin, forKey: JSONKey("origin"))
        try container.encode(assignment.order, forKey: JSONKey("order"))
        try container.encode(version, forKey: JSONKey("version"))
        if !warnings.isEmpty { try container.encode(warnings, forKey: JSONKey("warnings")) }
    }
}

/// An override with its scope, and its version if known.
struct OverrideView: Encodable {
    var scope: Scope
    var override: Override
    var version: Int64
    /// Sentences in the response to a change.
    var warnings: [String] = []

    func encode(to encoder: any Encoder) throws {
        try OverrideJSON(override).encode(to: encoder)
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(scope.description, forKey: JSONKey("scope"))
        try container.encode(version, forKey: JSONKey("version"))
        if !warnings.isEmpty { try container.encode(warnings, forKey: JSONKey("warnings")) }
    }
}

/// The limits of a scope and their origin: `{"limits":{…},"origin":"file"}`
struct PlacedLimitsView: Encodable {
    var limits: LimitsJSON
    var origin: Origin

    init(_ limits: [Limit], _ origin: Origin) {
        self.limits = LimitsJSON(limits)
        self.origin = origin
    }
}

/// A calendar: `{"timezone":"UTC","reset_hour":0,"billing_day":1}`
struct CalendarView: Encodable {
    var timezone: String
    var resetHour: Int
    var billingDay: Int

    enum CodingKeys: String, CodingKey {
        case timezone
        case resetHour = "reset_hour"
        case billingDay = "billing_day"
    }

    init(_ calendar: CalendarRules) {
        timezone = calendar.timeZone
        resetHour = calendar.resetHour
        billingDay = calendar.billingDay
    }
}
