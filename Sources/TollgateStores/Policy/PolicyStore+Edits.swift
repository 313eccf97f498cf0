import NIOCore
import TollgateCore
import TollgateRedis

extension PolicyStore {
    /// Makes one change, or none where the precondition does not hold.
    ///
    /// - Returns: the number of the change, which is the version of what it set.
    /// - Throws: where something is there, `.exists` for `.absent`, `.conflict` for another version. Where nothing is there,
    ///   `.conflict(nil)` for a version, and for `.any` when something was to be set; otherwise `.missing` when something was to
    ///   be deleted. `.inUse`, `.unknownTier`, `.tooMany` as they say. `.unknownOutcome` leaves open whether the
    ///   change was made.
    package func apply(
        _ edit: PolicyEdit, if precondition: Precondition, by author: Author
    ) async throws(StoreError) -> Int64 {
        let change: PolicyChange
        do {
            change = try PolicyChange(edit, keys: keys, bounds: bounds)
        } catch {
            throw .unavailable("cannot be written as JSON: \(error)")
        }
        let keys = scriptKeys(change)
        let reply = try await link.call(
            Self.editFunction, keys: keys, arguments: arguments(change, precondition, author), isChange: true)
        guard case .array(let words) = try reply.checked(of: change.key), words.count == 2,
            case .bulk(let status) = words[0], case .integer(let number) = words[1]
        else { throw .unexpectedReply(about: change.key) }
        let word = String(buffer: status)
        if word == "done" {
            seen.note(number)
            return number
        }
        throw refusal(word, number, change, keys)
    }

    /// In the order of policy_edit.lua.
    private func scriptKeys(_ change: PolicyChange) -> [String] {
        [change.key, keys.revision, keys.audit, keys.assigned, keys.assignmentIndex, keys.tiers]
            + (change.scope.map { [keys.seen($0.kind.description), keys.kinds] } ?? [])
    }

    private func arguments(_ change: PolicyChange, _ precondition: Precondition, _ author: Author) -> [String] {
        [
            change.action, change.field, change.item ?? "", precondition.word, change.target,
            change.isInFile ? "1" : "0", "\(change.most ?? 0)", change.scope?.description ?? "", keys.changes,
            author.name,
            author.address, change.scope?.kind.description ?? "", "\(seen.last)",
        ]
    }

    private func refusal(
        _ status: String, _ number: Int64, _ change: PolicyChange, _ keys: [String]
    ) -> StoreError {
        switch status {
        case "exists": return .exists(number)
        case "conflict": return .conflict(number < 0 ? nil : number)
        case "missing": return .missing
        case "in_use": return .inUse(number)
        case "unknown_tier": return .unknownTier(change.tier)
        case "too_many":
            return .tooMany(
                "at most \(number) \(change.key == self.keys.tiers ? "tiers" : "assignments of roles and domains") can be set"
            )
        case "corrupt": return .corrupt("\(change.key), field \(change.field): cannot be read")
        case "other_type": return .corrupt("\(keys[Int(number) - 1]): is of another type")
        default: return .unavailable("the script answers \(status)")
        }
    }
}

extension Precondition {
    /// As the script takes it.
    fileprivate var word: String {
        switch self {
        case .absent: "absent"
        case .version(let version): "\(version)"
        case .any: "any"
        }
    }
}
