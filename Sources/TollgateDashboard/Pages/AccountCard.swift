import TollgateAdmin
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// The values of an account for the templates: the state of its reading, both sides of its usage, limits and quotas.
struct AccountCard {
    let view: AccountView
    let policy: Policy
    /// The time zone of the page.
    let time: LocalTime
    /// The number of its unresolved alerts; nil if there are too many alerts to count them.
    let alerts: Int?

    static func path(of id: String) -> String { "/providers/\(Markup.encoded(id))" }

    /// Returns the values of an account that cannot be shown, as what is stored of it is malformed.
    static func unreadable(_ id: String, _ error: StoreError) -> TemplateContext {
        ["account": id, "path": path(of: id), "unreadable": error.description]
    }

    var context: TemplateContext {
        var context: TemplateContext = [
            "account": view.id, "path": Self.path(of: view.id), "provider": view.account.provider.rawValue,
            "status": view.status.rawValue, "level": level, "isExhausted": view.isExhausted,
            "scope": view.scope.description, "scopePath": ScopePage.path(of: view.scope),
            "alertsPath": "/alerts" + Markup.query([("scope", view.scope.description)]), "alerts": alertText,
            "from": "\(UTCDay(containing: view.period.startsAt / 1_000))",
            "to": "\(UTCDay(containing: view.period.endsAt / 1_000 - 1))",
            "figures": figures, "limits": limits, "hasLimits": !limits.isEmpty, "quotas": quotas,
            "hasQuotas": !quotas.isEmpty, "canSync": view.status != .off, "isRequested": view.stored.state.isRequested,
        ]
        context["explanation"] = explanation
        context["reading"] = reading
        context["failure"] = failure
        return context
    }

    // MARK: - State

    /// The CSS class of the state.
    private var level: String {
        switch view.status {
        case .fresh: "ok"
        case .stale, .never: "warning"
        case .failing, .unreadable: "danger"
        case .off: ""
        }
    }

    /// The state in words; nil if there is nothing to explain.
    private var explanation: String? {
        switch view.status {
        case .fresh: nil
        case .stale:
            "The provider's figures are old, and no failure is recorded. Either no sidecar with this account is running, or the one that reads has a policy file without it."
        case .failing where view.stored.state.lastSuccess != nil:
            "The provider's figures are those of the last reading."
        case .failing, .never: "The account has not been read yet. No figures are not figures of 0."
        case .off: "The account has no credential_file or credential_env, so its usage is not read."
        case .unreadable: nil
        }
    }

    /// The times of the readings; nil if the account is not read.
    private var reading: TemplateContext? {
        guard view.status != .off else { return nil }
        var context: TemplateContext = [:]
        context["last"] = view.stored.state.lastSuccess.map { time.context($0, now: view.now) }
        context["next"] = view.stored.state.nextAttempt.map { time.context($0, now: view.now) }
        return context
    }

    private var failure: TemplateContext? {
        guard view.status == .failing, let failure = view.stored.state.failure else { return nil }
        let attempts = view.stored.state.failures
        return [
            "since": time.context(failure.since, now: view.now), "sentence": failure.sentence,
            "attempts": attempts == 1 ? "1 attempt" : "\(NumberText.grouped(attempts)) attempts",
        ]
    }

    private var alertText: String {
        guard let alerts else { return "Show" }
        return alerts == 0 ? "None unresolved" : "\(alerts) unresolved"
    }

    // MARK: - Usage

    /// A row for requests, tokens and cost each. A side without figures has none, which is not 0.
    private var figures: [TemplateContext] {
        let (own, reported) = (view.own, view.reported)
        return [
            Self.row("Requests", own.map { NumberText.grouped($0[.requests]) }, reported?.requestText),
            Self.row("Tokens", own.map { NumberText.grouped($0[.tokens]) }, reported?.tokenText),
            Self.row(
                "Cost", own.map { "\(NumberText.money($0[.cost], in: view.moneyUnit)) \(policy.currency)" },
                reported?.costText.map { "\($0) USD" }),
        ]
    }

    private static func row(_ name: String, _ own: String?, _ reported: String?) -> TemplateContext {
        var context: TemplateContext = ["name": name]
        context["own"] = own
        context["reported"] = reported
        return context
    }

    /// The limits that count usage.
    private var items: [ScopeUsage.Item] { view.usage.filter { $0.limit.limit.period != .request } }

    private var limits: [TemplateContext] {
        let utc = LocalTime(view.account.calendar)
        return items.map { item in
            let limit = item.limit.limit
            let share = UsageShare(used: item.used, limit: limit.max)
            var context: TemplateContext = [
                "name": LimitText.unit(limit, currency: policy.currency), "used": LimitText.amount(item.used, limit),
                "max": limit.max.map { LimitText.amount($0, limit) } ?? "No Limit", "percent": share.text,
                "usageLevel": share.level.cssClass, "bar": share.barWidth, "hasMax": limit.max != nil,
                "isShadow": limit.mode == .shadow,
            ]
            context["resets"] = item.resetsAt.map { utc.context($0, now: view.now) }
            return context
        }
    }

    private var quotas: [TemplateContext] {
        view.quotas.map { quota in
            func text(_ amount: String?) -> String? {
                amount.map { text in Int64(text).map { NumberText.grouped($0) } ?? text }
            }
            var context: TemplateContext = ["name": quota.name, "unit": quota.unit == "usd" ? "USD" : quota.unit]
            context["used"] = text(quota.used)
            context["max"] = text(quota.limit)
            context["remaining"] = text(quota.remaining)
            context["resets"] = time.context(quota.resetsAt, now: view.now)
            return context
        }
    }
}

/// Texts of figures for pages; nil for a figure that the provider does not say.
extension AccountFigures {
    var requestText: String? { counts[.requests].map { NumberText.grouped($0) } }
    var tokenText: String? { tokens.map { NumberText.grouped($0) } }
    var costText: String? { cost.map { NumberText.money($0.nanos, in: .nano) } }
}
