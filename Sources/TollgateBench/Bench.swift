import NIOCore
import NIOPosix
import TollgateClient
import TollgatePolicy
import TollgateRedis

/// The load generator: many connections in a closed or open loop, against a sidecar or Redis.
package enum Bench {
    /// Runs the load and returns the report. Calls `onProgress` once a second, from the calling task.
    ///
    /// Throws an `OperatorError` if the settings are invalid, the target is unreachable, or it closes a connection.
    package static func run(
        _ settings: BenchSettings, onProgress: (BenchProgress) -> Void = { _ in }
    ) async throws -> BenchReport {
        try settings.validate()
        switch settings.target {
        case .sidecar(let address, let token):
            return try await run(settings, at: address, onProgress) {
                { SidecarDialect(token: token) }
            }
        case .direct(let address, let policy, let namespace):
            var settings = settings
            settings.workload.moneyUnit = policy.moneyUnit
            return try await run(settings, at: TollgateAddress(address), onProgress) { [settings] in
                let scopes = DirectScopes(policy: policy, namespace: namespace, workload: settings.workload)
                return { try DirectDialect(address: address, scopes: scopes) }
            }
        }
    }

    /// Runs the load. `dialects` is called once per event loop, and its result once per connection.
    private static func run<DialectType: Dialect>(
        _ settings: BenchSettings, at address: TollgateAddress, _ onProgress: (BenchProgress) -> Void,
        dialects: @escaping @Sendable () throws -> () throws -> DialectType
    ) async throws -> BenchReport {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.threads)
        do {
            let loops = try await connect(settings, at: address, on: group, dialects)
            let statistics = try await measure(settings, loops, onProgress)
            try await group.shutdownGracefully()
            return BenchReport(settings, statistics)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
    }

    private static func connect<DialectType: Dialect>(
        _ settings: BenchSettings, at address: TollgateAddress, on group: MultiThreadedEventLoopGroup,
        _ dialects: @escaping @Sendable () throws -> () throws -> DialectType
    ) async throws -> [NIOLoopBound<LoadLoop<DialectType>>] {
        var loops: [NIOLoopBound<LoadLoop<DialectType>>] = []
        for (thread, share) in LoadShare.shares(of: settings).enumerated() {
            let eventLoop = group.next()
            let loop = try await eventLoop.flatSubmit {
                let loop = LoadLoop<DialectType>(
                    eventLoop: eventLoop, share: share, workload: Workload(settings.workload, thread: thread))
                let bound = NIOLoopBound(loop, eventLoop: eventLoop)
                do {
                    return loop.connect(to: address, try dialects()).map { bound }
                } catch {
                    return eventLoop.makeFailedFuture(error)
                }
            }.get()
            loops.append(loop)
        }
        return loops
    }

    private static func measure<DialectType: Dialect>(
        _ settings: BenchSettings, _ loops: [NIOLoopBound<LoadLoop<DialectType>>], _ onProgress: (BenchProgress) -> Void
    ) async throws -> LoadStatistics {
        let start = NIODeadline.now() + .milliseconds(10)
        let measuredFrom = start + TimeAmount(settings.warmup)
        let end =
            switch settings.extent {
            case .time(let duration): measuredFrom + TimeAmount(duration)
            case .count: NIODeadline.distantFuture
            }

        let tallies = loops.map { loop in
            loop.eventLoop.flatSubmit { loop.value.run(from: start, measuredFrom: measuredFrom, until: end) }
        }
        let all = EventLoopFuture.whenAllSucceed(tallies, on: loops[0].eventLoop)
        try await watch(loops, until: all, onProgress)
        return try await all.get().reduce(into: LoadStatistics()) { $0.add($1) }
    }

    private static func watch<DialectType: Dialect>(
        _ loops: [NIOLoopBound<LoadLoop<DialectType>>], until end: EventLoopFuture<[LoadStatistics]>,
        _ onProgress: (BenchProgress) -> Void
    ) async throws {
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        end.whenComplete { _ in ended.finish() }
        let ticks = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                ended.yield()
            }
        }
        defer { ticks.cancel() }
        var last = 0
        for await _ in ends {
            var answered = 0
            for loop in loops { answered += try await loop.eventLoop.submit { loop.value.answeredCount }.get() }
            guard answered > 0 else { continue }
            onProgress(BenchProgress(answered: answered, inLastSecond: answered - last))
            last = answered
        }
    }
}

/// The progress of a run.
package struct BenchProgress: Sendable {
    package var answered: Int
    package var inLastSecond: Int
}

extension TollgateAddress {
    /// The Redis address as an address of the load generator's connections.
    fileprivate init(_ address: RedisAddress) {
        switch address.endpoint {
        case .tcp(let host, let port): self = .tcp(host: host, port: port)
        case .unix(let path): self = .unix(path: path)
        }
    }
}
