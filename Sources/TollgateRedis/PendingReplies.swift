import DequeModule
import NIOCore

/// The queue of commands that await a reply, in the order they were sent, each with its completion and its deadline.
///
/// Owned by a ``RedisLink``. A command whose deadline has passed leaves an entry without a completion: its reply can
/// still arrive and is then dropped.
struct PendingReplies {
    private struct Entry {
        /// The completion, or nil after the deadline.
        var completion: RedisLink.Completion?
        var deadline: NIODeadline?
    }

    private var entries = Deque<Entry>()

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(deadline: NIODeadline?, _ completion: @escaping RedisLink.Completion) {
        entries.append(Entry(completion: completion, deadline: deadline))
    }

    /// The result of taking the oldest entry.
    enum Next {
        case completion(RedisLink.Completion)
        /// The deadline of the command has passed.
        case expired
        /// The queue is empty.
        case none
    }

    /// Removes the oldest entry.
    mutating func next() -> Next {
        guard let entry = entries.popFirst() else { return .none }
        return entry.completion.map { .completion($0) } ?? .expired
    }

    /// Removes all entries and returns the completions that have not been called.
    mutating func removeAll() -> [RedisLink.Completion] {
        defer { entries.removeAll() }
        return entries.compactMap(\.completion)
    }

    /// The earliest deadline that has not passed; nil if there is none. O(n).
    var earliestDeadline: NIODeadline? {
        entries.lazy.compactMap { $0.completion == nil ? nil : $0.deadline }.min()
    }

    /// Removes and returns the completions whose deadline has passed, oldest first.
    mutating func expire(at now: NIODeadline) -> [RedisLink.Completion] {
        var expired: [RedisLink.Completion] = []
        for index in entries.indices {
            guard let deadline = entries[index].deadline, deadline <= now, let completion = entries[index].completion
            else { continue }
            entries[index].completion = nil
            expired.append(completion)
        }
        return expired
    }
}
