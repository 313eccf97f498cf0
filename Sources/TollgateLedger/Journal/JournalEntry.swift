import Foundation
import TollgateCore

/// A fact as the journal keeps it: independent of the policy and of the batch that it was in. JSON, so that a person can read
/// the journal.
struct JournalEntry: Codable, Equatable {
    /// `record`, `refund`, `commit`, `cancel`
    var verb: String
    /// Every scope it is about, those included that the policy added: `user:alice`.
    var scopes: [String]
    /// What the request said of the user, for the choice of a tier (`UserTraits.bytes`).
    var traits: String?
    /// By the meter's name; cost in nano-units.
    var amounts: [String: Int64]
    /// The mark of a RECORD or REFUND that counts once.
    var mark: String?
    /// When it was used, Unix ms by Redis's clock; nil only in journals of older versions.
    var at: Int64?
    /// What a COMMIT or CANCEL settles (`Reservation.text`).
    var reservation: String?

    init(_ operation: BatchedOperation, _ terms: OperationTerms?, _ traits: [UInt8]) {
        verb = "\(operation.verb)"
        scopes = operation.scopes.map { $0.scope.description }
        self.traits = traits.isEmpty ? nil : String(decoding: traits, as: UTF8.self)
        amounts = [:]
        for meter in Meter.allCases { amounts[meter.name] = operation.amounts[meter] }
        at = operation.usedAt
        switch terms {
        case .once(let mark)?: self.mark = mark.name
        case .ending(let reservation)?: self.reservation = reservation.text
        case .reserving?, nil: break
        }
    }

    /// Those of `scopes` that this version can read.
    var parsedScopes: [Scope] { scopes.compactMap { try? Scope(parsing: $0) } }

    /// Nil when it is none that this version can read.
    var operation: (verb: OperationVerb, amounts: Amounts, terms: OperationTerms?)? {
        guard let verb = OperationVerb.facts[self.verb] else { return nil }
        var amounts = Amounts()
        for (name, amount) in self.amounts {
            guard let meter = Meter(name: name) else { return nil }
            amounts[meter] = amount
        }
        if let reservation {
            return Reservation(text: reservation).map { (verb, amounts, .ending($0)) }
        }
        return (verb, amounts, mark.map { .once(IdempotencyKey(name: $0)) })
    }
}

extension JournalEntry {
    /// What the journal keeps of them; nil when that cannot be written.
    static func text(of operations: [JournalEntry]) -> String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(operations)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The texts of lists, as the text of one list.
    static func joined(_ texts: [String]) -> String {
        "[" + texts.lazy.map { $0.dropFirst().dropLast() }.joined(separator: ",") + "]"
    }

    /// Nil when the text is not what `text(of:)` writes.
    static func read(_ text: String) -> [JournalEntry]? {
        try? JSONDecoder().decode([JournalEntry].self, from: Data(text.utf8))
    }
}

extension OperationVerb {
    /// By the words of the journal.
    fileprivate static let facts: [String: OperationVerb] = [
        "record": .record, "refund": .refund, "commit": .commit, "cancel": .cancel,
    ]
}
