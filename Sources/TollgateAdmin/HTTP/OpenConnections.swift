import NIOCore
import Synchronization

/// The connections of the admin API. Closes idle connections in favour of new ones, and drains all at shutdown. Usable
/// from any task.
final class OpenConnections: Sendable {
    /// The maximum number of connections. Further ones wait in the backlog.
    let max: Int
    /// The number of connections that are reserved for health checks while all others are busy.
    static let reservedForHealth = 16

    private struct Connection {
        let channel: any Channel
        /// The time since the connection is idle. Nil while a request is in progress.
        var idleSince: NIODeadline?
        /// Whether the connection was accepted for health checks only.
        var isHealthOnly = false
        /// Whether the connection is being closed in favour of another.
        var isClosing = false
    }

    private struct State {
        /// The number of connections for all routes. Further ones are for health checks only.
        let capacity: Int
        var isDraining = false
        var connections: [ObjectIdentifier: Connection] = [:]

        var isFull: Bool { connections.values.count { !$0.isClosing } > capacity }

        /// Selects the longest idle connection but the given one, and marks it as closing. Returns nil if no connection
        /// is idle.
        mutating func evictIdle(for id: ObjectIdentifier) -> (any Channel)? {
            let idle = connections.filter { $0.key != id && !$0.value.isClosing && $0.value.idleSince != nil }
            let longest = idle.min { ($0.value.idleSince ?? .now()) < ($1.value.idleSince ?? .now()) }
            guard let longest else { return nil }
            connections[longest.key]?.isClosing = true
            return longest.value.channel
        }
    }

    private let state: Mutex<State>

    /// Creates an empty set.
    ///
    /// - Parameter max: The maximum number of connections, 1 or more.
    init(max: Int) {
        self.max = max
        state = Mutex(State(capacity: max - min(Self.reservedForHealth, max / 4)))
    }

    /// Adds a connection until it closes. Above the capacity, the longest idle connection is closed for it.
    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let (isDraining, evicted) = state.withLock { state in
            state.connections[id] = Connection(channel: channel, idleSince: .now())
            let evicted = state.isFull ? state.evictIdle(for: id) : nil
            let isHealthOnly = state.isFull
            state.connections[id]?.isHealthOnly = isHealthOnly
            return (state.isDraining, evicted)
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.connections.removeValue(forKey: id) }
        }
        evicted?.close(promise: nil)
        if isDraining { Self.drain(channel) }
    }

    /// Records whether a connection is idle.
    func setIdle(_ channel: any Channel, isIdle: Bool) {
        state.withLock { $0.connections[ObjectIdentifier(channel)]?.idleSince = isIdle ? .now() : nil }
    }

    /// Returns whether a connection may use routes other than health checks.
    func hasRoom(for channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (hasRoom, evicted) = state.withLock { state -> (Bool, (any Channel)?) in
            guard state.connections[id]?.isHealthOnly == true else { return (true, nil) }
            let evicted = state.isFull ? state.evictIdle(for: id) : nil
            let hasRoom = !state.isFull
            if hasRoom { state.connections[id]?.isHealthOnly = false }
            return (hasRoom, evicted)
        }
        evicted?.close(promise: nil)
        return hasRoom
    }

    /// Drains all connections: idle ones close immediately, others after their response.
    func drain() {
        let channels = state.withLock { state in
            state.isDraining = true
            return state.connections.values.map(\.channel)
        }
        channels.forEach(Self.drain)
    }

    private static func drain(_ channel: any Channel) {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
}
