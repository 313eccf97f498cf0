import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// A form that sets or clears the maximum of one limit of a scope.
///
/// The form states the maximum that the user saw. If another one is in force meanwhile, nothing is changed, and the
/// user decides anew. Changes of the scope's other limits do not matter.
struct LimitEdit {
    var scope: Scope
    var meter: Meter
    var period: Period
    /// The maximum that the user saw, as in the form. Empty for no limit.
    var seen: String
    /// The text of the new maximum, as entered. Nil clears the scope's own limit.
    var text: String?

    /// A change that was not made.
    struct Failure: Error {
        /// The sentence beside the field.
        var message: String
        /// The HTTP status.
        var status: Int
        /// The maximum in force, if it differs from the one that the user saw.
        var current: String?
    }

    /// Reads the fields `scope`, `meter`, `period`, `seen` and `max`. Throws a `Problem` about one that no page sends.
    init(_ form: Form, isClearing: Bool = false) throws(Problem) {
        do throws(ScopeError) {
            scope = try Scope(parsing: form.raw("scope") ?? "")
        } catch {
            throw .badRequest("scope: \(error)")
        }
        guard let meter = form["meter"].flatMap({ Meter(name: $0) }) else { throw .badRequest("meter: unknown meter") }
        self.meter = meter
        if meter == .concurrent {
            period = .reservation
        } else {
            guard let period = form["period"].flatMap({ try? Period(parsing: $0) }) else {
                throw .badRequest("period: expected day, week, month, total, or a duration such as 1m")
            }
            self.period = period
        }
        seen = form["seen"] ?? ""
        text = isClearing ? nil : form.raw("max") ?? ""
    }

    /// The name of the limit, such as `cost/month`.
    var limitName: String { meter.limitName(over: period) }

    /// Makes the change on behalf of a user.
    func apply(_ admin: LocalAdmin, as caller: LocalAdmin.Caller) async throws {
        let policy = admin.server.policies.effective
        let rule = LimitRule(meter: meter, unit: policy.moneyUnit)
        let amount = text.flatMap { rule.amount(of: $0) }
        if text != nil, amount == nil { throw Failure(message: rule.message, status: 422) }
        let stored = try await admin.server.stores.policy.settings(of: scope)
        let rules = policy.rules(for: scope, settings: stored.settings, at: await admin.server.redisTime)
        let inForce = rules.limits.first { $0.limit.meter == meter && $0.limit.period == period }
        if inForce?.source == .override {
            let message = "An override of \(limitName) is in force. End or change it on the page of \(scope)."
            throw Failure(message: message, status: 409)
        }
        try requireUnchanged(inForce?.limit)
        var limits = stored.limits?.item ?? []
        if let index = limits.firstIndex(where: { $0.meter == meter && $0.period == period }) {
            if let amount { limits[index].max = amount } else { limits.remove(at: index) }
        } else if let amount {
            // The mode, thresholds and rules of the limit that is replaced stay.
            var limit = inForce?.limit ?? Limit(meter, period, max: nil, unit: policy.moneyUnit)
            limit.max = amount
            limits.append(limit)
        } else {
            throw Failure(message: "\(scope) has no limit \(limitName) of its own.", status: 409)
        }
        try await put(limits, version: stored.limits?.version ?? 0, admin, caller)
    }

    private func put(
        _ limits: [Limit], version: Int64, _ admin: LocalAdmin, _ caller: LocalAdmin.Caller
    ) async throws {
        let path = "/v1/scopes/\(Markup.encoded(scope.description))/limits"
        do throws(Problem) {
            if limits.isEmpty {
                _ = try await admin.send(.delete, path, ifMatch: version, as: caller)
            } else {
                let body = ["limits": LimitsJSON(limits.sorted(by: Limit.precedes))]
                _ = try await admin.send(.put, path, body: body, ifMatch: version, as: caller)
            }
        } catch {
            guard error.code == .preconditionFailed else {
                throw Failure(
                    message: error.errors.first?.message ?? error.detail, status: error.code.status.code)
            }
            // Another change came between reading and writing, so the maximum may have changed.
            throw Failure(message: "The limits of \(scope) were changed meanwhile. Send it again.", status: 412)
        }
    }

    private func requireUnchanged(_ inForce: Limit?) throws {
        let current = inForce.flatMap { limit in limit.max.map { limit.text($0) } } ?? ""
        guard current != seen else { return }
        let now = current.isEmpty ? "no limit" : "\(current)"
        let before = seen.isEmpty ? "no limit" : seen
        throw Failure(
            message: "Changed meanwhile from \(before) to \(now). Send it again to replace \(now).", status: 412,
            current: current)
    }
}
