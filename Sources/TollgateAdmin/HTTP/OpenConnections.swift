import NIOCore
import Synchronization

/// The connections of the admin API: which of them make room for others, and all of them when it ends. Usable from any task.
final class OpenConnections: Sendable {
    /// More connections wait until one of these ends.
    let max: Int
    /// The number of them that are served for health alone where all others have something to do.
    static let keptForHealth = 16

    private struct Connection {
        let channel: any Channel
        /// Since when nothing is being answered on it; nil while something is.
        var waitingSince: NIODeadline?
        /// It has come when there was no room but for health.
        var isExtra = false
        /// It has been closed to make room.
        var isLeaving = false
    }

    private struct State {
        /// More are served for health alone.
        let capacity: Int
        var isEnding = false
        var connections: [ObjectIdentifier: Connection] = [:]

        var isFull: Bool { connections.values.count { !$0.isLeaving } > capacity }

        /// Has the connection that has waited longest leave, another than the given one; nil where none waits.
        mutating func makeRoom(for id: ObjectIdentifier) -> (any Channel)? {
            let waiting = connections.filter { $0.key != id && !$0.value.isLeaving && $0.value.waitingSince != nil }
            let longest = waiting.min { ($0.value.waitingSince ?? .now()) < ($1.value.waitingSince ?? .now()) }
            guard let longest else { return nil }
            connections[longest.key]?.isLeaving = true
            return longest.value.channel
        }
    }

    private let state: Mutex<State>

    /// - Parameter max: 1 or more.
    init(max: Int) {
        self.max = max
        state = Mutex(State(capacity: max - min(Self.keptForHealth, max / 4)))
    }

    /// Keeps a connection until it closes. Where there are many, the one that has waited longest for its client is closed for it.
    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let (isEnding, leaving) = state.withLock { state in
            state.connections[id] = Connection(channel: channel, waitingSince: .now())
            let leaving = state.isFull ? state.makeRoom(for: id) : nil
            let isExtra = state.isFull
            state.connections[id]?.isExtra = isExtra
            return (state.isEnding, leaving)
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.connections.removeValue(forKey: id) }
        }
        leaving?.close(promise: nil)
        if isEnding { Self.end(channel) }
    }

    /// Notes whether a connection waits for its client, or something is being answered on it.
    func note(_ channel: any Channel, isWaiting: Bool) {
        state.withLock { $0.connections[ObjectIdentifier(channel)]?.waitingSince = isWaiting ? .now() : nil }
    }

    /// Returns true if a connection may be served more than health.
    func haveRoom(for channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (hasRoom, leaving) = state.withLock { state -> (Bool, (any Channel)?) in
            guard state.connections[id]?.isExtra == true else { return (true, nil) }
            let leaving = state.isFull ? state.makeRoom(for: id) : nil
            let hasRoom = !state.isFull
            if hasRoom { state.connections[id]?.isExtra = false }
            return (hasRoom, leaving)
        }
        leaving?.close(promise: nil)
        return hasRoom
    }

    /// Lets every connection end: at once, or with the answer to its request.
    func end() {
        let channels = state.withLock { state in
            state.isEnding = true
            return state.connections.values.map(\.channel)
        }
        channels.forEach(Self.end)
    }

    private static func end(_ channel: any Channel) {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
}
