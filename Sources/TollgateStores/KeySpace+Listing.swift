package import TollgateCore
package import TollgateLedger

/// A key of a scope with a redis-cli command that prints it.
package struct ListedKey: Sendable, Equatable {
    /// `tollgate:user:alice`. Idempotency keys end in `ID`.
    package var key: String
    package var type: String
    /// A short description of the content.
    package var content: String
    /// The Redis command that prints the content.
    package var command: [String]
}

extension KeySpace {
    /// Lists the keys that a scope can have, with those of its history on a day and in a month. A day has a key of its
    /// own once it is over.
    package func listing(of scope: Scope, day: String, month: String) -> [ListedKey] {
        let settings = PolicyKeys(namespace: namespace).settings(of: scope.description)
        let alerts = AlertKeys(namespace: namespace).ofScope(scope.description)
        // A composite scope has no history.
        let history =
            scope.kind.isComposite
            ? []
            : [
                Self.hash(self.day(day, of: scope), "usage of a day that is over"),
                Self.hash(self.month(month, of: scope), "usage of that day's month but for the running day"),
            ]
        let holds = holds(of: scope)
        return [Self.hash(hash(of: scope), "counters, the sum of open reservations, alerts, usage of the running day")]
            + history + [
                ListedKey(
                    key: holds, type: "zset", content: "open reservations by their end",
                    command: ["ZRANGE", holds, "0", "-1", "WITHSCORES"]),
                ListedKey(
                    key: hash(of: scope) + ":charged", type: "zset", content: "expired reservations that were charged",
                    command: ["ZRANGE", hash(of: scope) + ":charged", "0", "-1", "WITHSCORES"]),
                Self.idempotencyKey("record", of: hash(of: scope), "the RECORD with that id has been applied"),
                Self.idempotencyKey("refund", of: hash(of: scope), "the REFUND with that id has been applied"),
                Self.idempotencyKey(
                    "settled", of: hash(of: scope), "the reservation with that id is committed or cancelled"),
                Self.hash(settings, "settings made by administrators"),
                ListedKey(
                    key: alerts, type: "zset", content: "ids of alerts by when they were opened",
                    command: ["ZRANGE", alerts, "0", "-1", "WITHSCORES"]),
            ]
    }

    private static func hash(_ key: String, _ content: String) -> ListedKey {
        ListedKey(key: key, type: "hash", content: content, command: ["HGETALL", key])
    }

    private static func idempotencyKey(_ word: String, of hash: String, _ content: String) -> ListedKey {
        let key = "\(hash):\(word):ID"
        return ListedKey(key: key, type: "string", content: content, command: ["GET", key])
    }
}
