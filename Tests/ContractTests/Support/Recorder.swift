import Synchronization

/// What services were asked; the generated services of the tests write it down.
final class Recorder: Sendable {
    private let log = Mutex<[String]>([])

    func note(_ name: String, _ arguments: Any...) {
        var text = name
        for argument in arguments { dump(argument, to: &text) }
        log.withLock { $0.append(text) }
    }

    var calls: [String] { log.withLock { $0 } }
}

/// The same random value of a type every time.
func sampleAnswer<Value: Sample>() -> Value {
    var source = SampleSource(seed: 11)
    return source.value()
}
