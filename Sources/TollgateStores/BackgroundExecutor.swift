import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Runs work that no request waits for on threads of lower priority, so that on a busy machine decisions go first.
///
/// Lives as long as the process.
package final class BackgroundExecutor: TaskExecutor {
    /// The niceness of the threads: a tenth of the share of a thread with the normal one.
    private static let niceness: CInt = 10

    private let pool: NIOThreadPool

    package init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pool.submit { _ in
            // Each time: a pool does not say when it starts a thread, and it takes less than a microsecond.
            Self.lowerPriority()
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }

    /// Lowers the priority of the calling thread. Where that is not possible, it stays as it is.
    package static func lowerPriority() {
        #if canImport(Glibc)
        // On Linux 0 is the calling thread, not the process.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
        #else
        _ = pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0)
        #endif
    }
}
