import Foundation
package import Logging

/// A redis-server of our own over a data folder of its own: started, started again when it dies, and stopped.
///
/// Usable from any task. ``start()`` first, then ``run()`` for as long as it is to live. While it lives the folder is
/// locked, so that no other can start a second server over the same files.
package actor EmbeddedRedis {
    static let restartBackoff = Backoff(shortest: .milliseconds(100), longest: .seconds(5))
    /// How long a server may take to be reached, and to load its data, and an old one to end.
    static let patience = Duration.seconds(10)
    /// How long a server may take to end when it is asked to. What it has answered is with the system by then.
    static let stopPatience = Duration.seconds(5)
    /// A server that ends so often in a row before it serves is given up.
    static let maxFailedStarts = 5

    private struct Place {
        let program: String
        let folder: String
        let socketPath: String
        var logPath: String { folder + "/redis.log" }
    }

    private let dataFolder: String
    private let searchPath: String
    private let logger: Logger
    private var lock: FolderLock?
    private var place: Place?
    private var process: RedisProcess?
    private var lastEnd = ""
    private var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    private var isStopping = false
    /// Whether the server that runs has loaded its data and serves, or the last one had.
    private var hasServed = false

    /// `dataFolder` is made if it is missing. The program `redis-server` is looked for in the folders of `searchPath`,
    /// separated by colons; nil means `PATH`.
    package init(dataFolder: String, logger: Logger, searchPath: String? = nil) {
        self.dataFolder = dataFolder
        self.logger = logger
        self.searchPath = searchPath ?? ProcessInfo.processInfo.environment["PATH"] ?? ""
    }

    /// The number of the server's process, nil while there is none.
    package var processIdentifier: Int32? { process?.pid }

    /// Starts the server and returns when it serves, or when it has been loading its data for 10 seconds. One left behind
    /// over the same folder by a tollgate that was killed is shut down first.
    ///
    /// Throws ``RedisError/embedded(_:)`` with a sentence for the operator, or `CancellationError`; nothing runs then.
    package func start() async throws -> RedisAddress {
        let program = try Self.findProgram(in: searchPath)
        try await Self.checkVersion(of: program)
        let folder = try Self.prepareFolder(dataFolder)
        let place = Place(program: program, folder: folder, socketPath: try Self.socketPath(in: folder))
        lock = try FolderLock(folder: folder)
        self.place = place
        isStopping = false
        do {
            try await endLeftover(at: place)
            try launch(at: place)
            try await waitUntilServing(at: place)
        } catch {
            await stop()
            throw error
        }
        return RedisAddress(unixSocket: place.socketPath)
    }

    /// Starts the server again whenever it ends by itself. Returns after ``stop()``, or once the task is cancelled and
    /// the server has been stopped.
    ///
    /// Throws ``RedisError/embedded(_:)`` with a sentence for the operator when the server ends again and again before it
    /// serves, as over data that it cannot load; nothing runs then.
    package func run() async throws(RedisError) {
        let failure = await withTaskCancellationHandler {
            await supervise()
        } onCancel: {
            Task { await self.stop() }
        }
        await stop()
        if let failure { throw failure }
    }

    /// Ends the server: asks it to, so that everything is on disk, and kills it if that takes more than 5 seconds. One
    /// that was stopped by a signal is made to go on first. Does nothing when none runs.
    package func stop() async {
        isStopping = true
        if let process {
            process.terminate()
            process.resume()
            let killer = Task {
                try await Task.sleep(for: Self.stopPatience)
                process.kill()
            }
            await waitForEnd()
            killer.cancel()
        }
        lock = nil
        place = nil
    }

    // MARK: - The process

    private func launch(at place: Place) throws(RedisError) {
        let arguments = Self.arguments(folder: place.folder, socketPath: place.socketPath)
        let process = try RedisProcess(program: place.program, arguments: arguments, logPath: place.logPath) { how in
            Task { await self.ended(how) }
        }
        self.process = process
        logger.info("redis-server started", metadata: ["data": "\(place.folder)", "pid": "\(process.pid)"])
    }

    private func ended(_ how: String) {
        process = nil
        lastEnd = how
        let waiting = waitingForEnd
        waitingForEnd = []
        for continuation in waiting { continuation.resume() }
    }

    private func waitForEnd() async {
        guard process != nil else { return }
        await withCheckedContinuation { waitingForEnd.append($0) }
    }

    /// Returns why the server was given up; nil after ``stop()``.
    private func supervise() async -> RedisError? {
        var (failures, failedStarts) = (0, 0)
        while let place, !isStopping, !Task.isCancelled {
            let startedAt = ContinuousClock.now
            hasServed = false
            let watch = Task { await noteServing(at: place) }
            await waitForEnd()
            watch.cancel()
            guard !isStopping else { return nil }
            failedStarts = hasServed ? 0 : failedStarts + 1
            guard failedStarts < Self.maxFailedStarts else { return givenUp(at: place) }
            failures = ContinuousClock.now - startedAt > Self.patience ? 1 : failures + 1
            logger.error(
                "redis-server ended; starting it again",
                metadata: ["data": "\(place.folder)", "end": "\(lastEnd)", "log": "\(place.logPath)"])
            try? await Task.sleep(for: Self.restartBackoff.delay(afterFailures: failures))
            guard !isStopping, !Task.isCancelled else { return nil }
            do {
                try launch(at: place)
            } catch {
                lastEnd = error.description
            }
        }
        return nil
    }

    /// Waits until the server has loaded its data.
    private func noteServing(at place: Place) async {
        let probe = RedisProbe(socketPath: place.socketPath)
        while !Task.isCancelled, process != nil {
            if await probe.asked("PING") == .said("PONG") {
                hasServed = true
                return
            }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    private func givenUp(at place: Place) -> RedisError {
        .embedded(
            """
            --data \(dataFolder): redis-server ended \(Self.maxFailedStarts) times in a row before it could serve \
            (\(lastEnd)), and is not started again; last line of redis.log: \(Self.lastWords(inLog: place.logPath))
            """)
    }

    // MARK: - Starting

    private func waitUntilServing(at place: Place) async throws {
        let probe = RedisProbe(socketPath: place.socketPath)
        let deadline = ContinuousClock.now + Self.patience
        var isLoading = false
        while ContinuousClock.now < deadline {
            guard process != nil else {
                let words = Self.lastWords(inLog: place.logPath)
                throw RedisError.embedded(
                    "--data \(dataFolder): redis-server ended at once (\(lastEnd)); last line of redis.log: \(words)"
                )
            }
            if case .said(let answer) = probe.ask("PING") {
                guard answer != "PONG" else { return }
                if !isLoading {
                    logger.notice(
                        "waiting for redis-server", metadata: ["data": "\(place.folder)", "state": "\(answer)"])
                }
                isLoading = true
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        guard !isLoading else {
            return logger.warning(
                "redis-server is still loading its data; until it has, decisions are made without it",
                metadata: ["data": "\(place.folder)"])
        }
        throw RedisError.embedded(
            "--data \(dataFolder): redis-server was started but does not answer; see redis.log in that folder")
    }

    /// We hold the folder's lock: whoever answers in it was started by a tollgate that is gone.
    private func endLeftover(at place: Place) async throws {
        let probe = RedisProbe(socketPath: place.socketPath)
        guard probe.ask("PING") != .absent else { return }
        logger.notice(
            "shutting down a redis-server left behind over the data folder", metadata: ["data": "\(place.folder)"])
        _ = probe.ask("SHUTDOWN")
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            if probe.ask("PING") == .absent { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw RedisError.embedded(
            "--data \(dataFolder): a redis-server left behind on redis.sock does not shut down; end it first"
        )
    }
}
