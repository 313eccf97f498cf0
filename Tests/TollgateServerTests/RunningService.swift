import ServiceLifecycle
import TollgateTestSupport

/// A service that runs by itself until it is stopped.
struct RunningService {
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    init(_ service: any Service) {
        let group = ServiceGroup(services: [service], logger: CapturedLog().logger)
        self.group = group
        task = Task { try await group.run() }
    }

    /// Shuts the service down gracefully, and returns when it has ended.
    func stop() async {
        await group.triggerGracefulShutdown()
        _ = await task.result
    }
}
