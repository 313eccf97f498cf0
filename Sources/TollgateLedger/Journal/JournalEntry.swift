import Foundation
import TollgateCore
import TollgatePolicy

/// A write as the journal stores it: independent of the policy, and of the batch that it was in. The format is JSON, so
/// that operators can read the journal.
struct JournalEntry: Codable, Equatable {
    /// The verb: `record`, `refund`, `commit` or `cancel`.
    var verb: String
    /// Every scope of the write, such as `user:alice`, with those that the policy added.
    var scopes: [String]
    /// The traits of the user that choose a tier (`UserTraits.bytes`).
    var traits: String?
    /// The amounts by meter name; cost in the unit of `decimals`.
    var amounts: [String: Int64]
    /// The decimals of the unit of costs, also of that in the reservation; nil for 9.
    var decimals: Int?
    /// The name of the idempotency key of a RECORD or REFUND with an `id=`.
    var idempotencyKey: String?
    /// Whether the cost follows from prices; nil for no.
    var isPriced: Bool?
    /// The digest of the billed amounts (`IdempotencyKey.detail`); nil for none.
    var detail: UInt32?
    /// The time of the usage, Unix ms by Redis's clock; nil only in journals of older versions.
    var at: Int64?
    /// The reservation that a COMMIT or CANCEL ends (`Reservation.text`).
    var reservation: String?

    /// The names in the file, which older versions read too.
    private enum CodingKeys: String, CodingKey {
        case verb, scopes, traits, amounts, decimals, at, reservation
        case idempotencyKey = "mark"
        case isPriced = "priced"
        case detail
    }

    init(_ operation: BatchedOperation, _ terms: OperationTerms?, _ traits: [UInt8]) {
        verb = "\(operation.verb)"
        scopes = operation.scopes.map { $0.scope.description }
        self.traits = traits.isEmpty ? nil : String(decoding: traits, as: UTF8.self)
        amounts = [:]
        for meter in Meter.allCases { amounts[meter.name] = operation.amounts[meter] }
        // With those of the cache, which are no meter.
        amounts[Meter.tokens.name] = operation.amounts.allTokens
        at = operation.usedAt
        switch terms {
        case .once(let key)?:
            (idempotencyKey, isPriced, detail) = (
                key.name, key.ignoresCost ? true : nil, key.detail > 0 ? key.detail : nil
            )
        case .ending(let reservation)?: self.reservation = reservation.text
        case .reserving?, nil: break
        }
    }

    /// The unit of the costs; nil if this version does not know it.
    private var moneyUnit: MoneyUnit? { decimals.map { MoneyUnit(decimals: $0) } ?? .nano }

    /// Returns the write with costs in another unit. Sidecars of one data folder may have had policies with other
    /// `decimals` than the namespace.
    ///
    /// - Throws: ``NotRepresentable`` if a cost is no whole number of the unit, or one that is too large.
    func converted(to unit: MoneyUnit) throws(NotRepresentable) -> JournalEntry {
        guard let moneyUnit, moneyUnit != unit else { return self }
        func convert(_ cost: Int64) throws(NotRepresentable) -> Int64 {
            let money = Money(cost, in: moneyUnit)
            guard let amount = money.amount(in: unit) else {
                throw NotRepresentable(cost: money, unit: unit)
            }
            return amount
        }
        var entry = self
        entry.decimals = unit == .nano ? nil : unit.decimals
        if let cost = amounts[Meter.cost.name] { entry.amounts[Meter.cost.name] = try convert(cost) }
        if let reservation = reservation.flatMap(Reservation.init(text:)) {
            entry.reservation = reservation.withCost(try convert(reservation.cost)).text
        }
        return entry
    }

    /// A cost of an entry is no whole number of the sidecar's unit of money, or one that is too large.
    struct NotRepresentable: Error, CustomStringConvertible {
        var cost: Money
        var unit: MoneyUnit

        var description: String {
            let isTooLarge = MoneyUnit.coarsest(for: cost).decimals <= unit.decimals
            let fault = isTooLarge ? "is larger" : "has more fraction digits"
            return "cost \(cost) \(fault) than decimals: \(unit.decimals) of the policy allows"
        }
    }

    /// The write as an operation; nil if this version cannot read it.
    var operation: (verb: OperationVerb, amounts: Amounts, terms: OperationTerms?)? {
        guard let verb = OperationVerb.writes[self.verb], moneyUnit != nil else { return nil }
        var amounts = Amounts()
        for (name, amount) in self.amounts {
            guard let meter = Meter(name: name) else { return nil }
            amounts[meter] = amount
        }
        if let reservation {
            return Reservation(text: reservation).map { (verb, amounts, .ending($0)) }
        }
        return (
            verb, amounts,
            idempotencyKey.map { .once(IdempotencyKey(name: $0, ignoresCost: isPriced == true, detail: detail ?? 0)) }
        )
    }
}

extension JournalEntry {
    /// Returns the payload of a record with these entries; nil if it cannot be encoded.
    static func text(of entries: [JournalEntry]) -> String? {
        try? CanonicalJSON.text(entries)
    }

    /// Returns one payload with the entries of several payloads.
    static func joined(_ texts: [String]) -> String {
        "[" + texts.lazy.map { $0.dropFirst().dropLast() }.joined(separator: ",") + "]"
    }

    /// Returns the entries of a payload; nil if ``text(of:)`` did not write it.
    static func read(_ text: String) -> [JournalEntry]? {
        try? JSONDecoder().decode([JournalEntry].self, from: Data(text.utf8))
    }
}

extension OperationVerb {
    /// The verbs that the journal stores, by their names in it.
    fileprivate static let writes: [String: OperationVerb] = [
        "record": .record, "refund": .refund, "commit": .commit, "cancel": .cancel,
    ]
}
