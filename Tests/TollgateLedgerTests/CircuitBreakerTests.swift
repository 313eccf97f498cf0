import Testing

@testable import TollgateLedger

@Suite struct CircuitBreakerTests {
    @Test("requests are sent only after a probe has been answered")
    func probing() {
        var circuit = CircuitBreaker()
        #expect(circuit.state == .open)
        circuit.probeAnswered()
        #expect(circuit.state == .open, "an answer to a probe of another connection")
        circuit.probeSent()
        #expect(circuit.state == .halfOpen)
        circuit.probeAnswered()
        #expect(circuit.state == .closed)
        circuit.connectionEnded()
        #expect(circuit.state == .open)
    }

    @Test("a Redis that answers probes and no batches is probed less and less often, at most half a second apart")
    func pauses() {
        var circuit = CircuitBreaker()
        var pauses: [Int64] = []
        for _ in 0..<8 {
            pauses.append(circuit.pauseBeforeProbe())
            circuit.probeSent()
            circuit.probeAnswered()
            circuit.batchTimedOut()
            #expect(circuit.state == .open)
        }
        #expect(pauses == [0, 0, 100, 200, 400, 500, 500, 500])
        circuit.batchAnswered()
        #expect(circuit.pauseBeforeProbe() == 0)
    }
}
