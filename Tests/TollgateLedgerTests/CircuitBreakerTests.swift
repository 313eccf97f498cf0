import NIOCore
import Testing

@testable import TollgateLedger

@Suite struct CircuitBreakerTests {
    private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

    private func closed() -> CircuitBreaker {
        var circuit = CircuitBreaker()
        circuit.probeSent()
        circuit.probeAnswered()
        return circuit
    }

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

    @Test("one late reply leaves the circuit closed, the second in a row opens it")
    func secondLateReply() {
        var circuit = closed()
        #expect(circuit.replyIsLate(sentAt: at(0), now: at(250)) == .first)
        #expect(circuit.state == .closed)
        #expect(circuit.replyIsLate(sentAt: at(250), now: at(500)) == .opened)
        #expect(circuit.state == .open)
    }

    @Test("a batch answered in time resets the count of late replies")
    func answered() {
        var circuit = closed()
        for round: Int64 in 0..<5 {
            #expect(circuit.replyIsLate(sentAt: at(1_000 * round), now: at(1_000 * round + 250)) == .first)
            circuit.batchAnswered()
        }
        #expect(circuit.state == .closed)
    }

    @Test("late replies of one stall count as one")
    func sameStall() {
        var circuit = closed()
        #expect(circuit.replyIsLate(sentAt: at(0), now: at(250)) == .first)
        for sent: Int64 in [0, 10, 249] {
            #expect(circuit.replyIsLate(sentAt: at(sent), now: at(sent + 250)) == .sameStall)
        }
        #expect(circuit.state == .closed)
        #expect(circuit.replyIsLate(sentAt: at(251), now: at(501)) == .opened)
    }

    @Test("probes become less frequent while Redis answers no batches, up to half a second apart")
    func pauses() {
        var circuit = closed()
        #expect(circuit.replyIsLate(sentAt: at(0), now: at(1)) == .first)
        var pauses: [Int64] = []
        for round: Int64 in 1...8 {
            pauses.append(circuit.pauseBeforeProbe())
            circuit.probeSent()
            circuit.probeAnswered()
            #expect(circuit.replyIsLate(sentAt: at(round), now: at(round + 1)) == .opened)
            #expect(circuit.state == .open)
        }
        #expect(pauses == [0, 0, 100, 200, 400, 500, 500, 500])
        circuit.batchAnswered()
        #expect(circuit.pauseBeforeProbe() == 0)
    }
}
