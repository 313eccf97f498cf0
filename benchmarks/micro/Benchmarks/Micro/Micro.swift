import Benchmark
import MicroSteps

/// The steps, by the processor's own counter of instructions. Where the system keeps that from programs, as most virtual
/// machines do, the time alone is shown.
let benchmarks: @Sendable () -> Void = {
    for name in MicroStepName.allCases {
        let configuration = Benchmark.Configuration(metrics: [.instructions, .wallClock], scalingFactor: .kilo)
        Benchmark(name.rawValue, configuration: configuration) { benchmark in
            let step = try PreparedStep(name)
            benchmark.startMeasurement()
            blackHole(step.run(benchmark.scaledIterations.count))
            benchmark.stopMeasurement()
        }
    }
}
