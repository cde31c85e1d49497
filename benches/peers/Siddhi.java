import io.siddhi.core.SiddhiAppRuntime;
import io.siddhi.core.SiddhiManager;
import io.siddhi.core.event.Event;
import io.siddhi.core.stream.input.InputHandler;
import io.siddhi.core.stream.output.StreamCallback;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Siddhi's engine, fed with the file of events twice: the first time warms it up, the second is measured. */
public class Siddhi {
    private static final int PIECE = 10_000;
    // `every (a=A and b=B) within 2 sec` misses matches in 5.1.7 (B, A finds none), so the pair is a sequence of two types.
    private static final Map<String, String> QUESTIONS = Map.of(
            "pair", "every (a=S -> b=S[type != a.type]) within 2 sec",
            "rise", "every (a=A -> b=B[value > a.value] -> c=C) within 2 sec");

    private record Line(long time, String type, Object[] data) {}

    public static void main(String[] args) throws Exception {
        SiddhiManager manager = new SiddhiManager();
        feed(manager, Path.of(args[0]), args[1]);
        System.out.println(feed(manager, Path.of(args[0]), args[1]));
        manager.shutdown();
    }

    private static String feed(SiddhiManager manager, Path file, String question) throws Exception {
        SiddhiAppRuntime app = manager.createSiddhiAppRuntime("""
                define stream A (type string, key string, value double);
                define stream B (type string, key string, value double);
                define stream C (type string, key string, value double);
                define stream S (type string, key string, value double);
                partition with (key of A, key of B, key of C, key of S) begin
                  from %s select a.key as key, a.value as first, b.value as second insert into Found;
                end;
                """.formatted(QUESTIONS.get(question)));
        long[] matches = {0};
        app.addCallback("Found", new StreamCallback() {
            @Override
            public void receive(Event[] events) {
                matches[0] += events.length;
            }
        });
        app.start();
        Map<String, InputHandler> inputs = new HashMap<>();
        for (String type : List.of("A", "B", "C")) {
            boolean both = question.equals("pair") && !type.equals("C");
            inputs.put(type, app.getInputHandler(both ? "S" : type));
        }
        long events = 0;
        long took = 0;
        long cpu = 0;
        try (BufferedReader source = Files.newBufferedReader(file)) {
            List<Line> piece = read(source);
            while (!piece.isEmpty()) {
                long cpuBefore = Usage.cpu();
                long start = System.nanoTime();
                for (Line line : piece) {
                    inputs.get(line.type()).send(line.time(), line.data());
                }
                took += System.nanoTime() - start;
                cpu += Usage.cpu() - cpuBefore;
                events += piece.size();
                piece = read(source);
            }
        }
        app.shutdown();
        return Usage.figures(events, took, cpu, matches[0], "Siddhi 5.1.7");
    }

    /** The next lines, as the engine takes them. */
    private static List<Line> read(BufferedReader source) throws IOException {
        List<Line> piece = new ArrayList<>(PIECE);
        String line;
        while (piece.size() < PIECE && (line = source.readLine()) != null) {
            String[] words = line.split(",");
            Object[] data = {words[1], words[2], Double.parseDouble(words[3])};
            piece.add(new Line(Long.parseLong(words[0]), words[1], data));
        }
        return piece;
    }
}
