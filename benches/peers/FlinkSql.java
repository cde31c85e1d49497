import java.nio.file.Path;
import java.time.Instant;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/** Flink SQL's MATCH_RECOGNIZE over the file of events, in one process with a worker for each core; run twice, the second time is measured. */
public class FlinkSql {
    /** Flink's bound is not within, ours is; and it has no AND, so the pair is a sequence of two types. */
    private static final String PAIR = """
            SELECT * FROM (SELECT * FROM events WHERE type <> 'C') MATCH_RECOGNIZE (
              PARTITION BY k ORDER BY t MEASURES X.v AS v1, Y.v AS v2
              ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
              PATTERN (X N*? Y) WITHIN INTERVAL '2.001' SECOND
              DEFINE N AS N.type = X.type, Y AS Y.type <> X.type)
            """;
    private static final String RISE = """
            SELECT * FROM events MATCH_RECOGNIZE (
              PARTITION BY k ORDER BY t MEASURES A.v AS v1, B.v AS v2
              ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
              PATTERN (A N*? B M*? C) WITHIN INTERVAL '2.001' SECOND
              DEFINE A AS A.type = 'A', B AS B.type = 'B' AND B.v > A.v, M AS M.type <> 'C', C AS C.type = 'C')
            """;

    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0]).toAbsolutePath();
        String question = args[1].equals("pair") ? PAIR : RISE;
        run(file, question);
        System.out.println(run(file, question));
    }

    private static String run(Path file, String question) throws Exception {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        environment.getConfig().enableObjectReuse();
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
        tables.executeSql("""
                CREATE TABLE events (
                  ms BIGINT, type STRING, k STRING, v DOUBLE,
                  t AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR t AS t
                ) WITH ('connector' = 'filesystem', 'path' = 'file://%s', 'format' = 'csv')
                """.formatted(file));
        Table found = tables.sqlQuery(question);
        tables.toDataStream(found).flatMap(new Count()).returns(Types.VOID).print();
        long cpu = Usage.cpu();
        JobExecutionResult result = environment.execute();
        cpu = Usage.cpu() - cpu;
        long matches = result.getAccumulatorResult("matches");
        long nanos = result.getNetRuntime() * 1_000_000;
        return Usage.figures(java.nio.file.Files.lines(file).count(), nanos, cpu, matches, "Flink 2.3.0");
    }

    private static class Count extends RichFlatMapFunction<Row, Void> {
        private final LongCounter matches = new LongCounter();

        @Override
        public void open(OpenContext context) {
            getRuntimeContext().addAccumulator("matches", matches);
        }

        @Override
        public void flatMap(Row match, Collector<Void> out) {
            matches.add(1);
        }
    }
}
