/// The journaled operations that are to go to Redis in one batch, so far.
struct JournaledBatch {
    /// The most distinct scopes. What administrators have set for them may have to be looked up, within the deadline of one call
    /// (SettingsLookup).
    static let maxScopes = 256

    private var operations = 0
    private var scopes: Set<String> = []
    /// What the operations say of each user (`JournalEntry.traits`).
    private var traits: [String: String?] = [:]

    /// The first operations, however many.
    init(_ first: [JournalEntry]) {
        insert(first)
    }

    /// Adds operations, all or none. Returns false where they have to begin another batch: every rule of what goes together is here.
    mutating func add(_ more: [JournalEntry]) -> Bool {
        guard operations + more.count <= Batch.capacity, hasRoomForScopes(of: more), !hasOtherTraits(more) else {
            return false
        }
        insert(more)
        return true
    }

    private mutating func insert(_ more: [JournalEntry]) {
        operations += more.count
        for operation in more {
            scopes.formUnion(operation.scopes)
            for user in operation.users { traits[user] = .some(operation.traits) }
        }
    }

    private func hasRoomForScopes(of more: [JournalEntry]) -> Bool {
        var added: Set<String> = []
        for scope in more.lazy.flatMap(\.scopes) where !scopes.contains(scope) { added.insert(scope) }
        return scopes.count + added.count <= Self.maxScopes
    }

    /// A batch has one plan of each scope, and other traits may lead to another plan.
    private func hasOtherTraits(_ more: [JournalEntry]) -> Bool {
        more.contains { operation in
            operation.users.contains { user in traits[user].map { $0 != operation.traits } ?? false }
        }
    }
}

extension JournalEntry {
    /// Those of its scopes whose limits may depend on traits; composite ones that begin with a user are harmless.
    fileprivate var users: some Sequence<String> { scopes.lazy.filter { $0.hasPrefix("user:") } }
}
