// A service on the JDK's own HTTP server for which SIGSEGV is everyday business. argv: port.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

class CrashJvm {
    static final class Order {
        int price = 7;
    }

    static int priceOf(Order order) {
        return order.price; // the null check is the processor's
    }

    static int nulls(int number) {
        Order order = new Order();
        int caught = 0;
        for (int i = 0; i < number; i++) {
            try {
                caught += priceOf((i & 1) == 0 ? null : order) == 7 ? 0 : 1;
            } catch (NullPointerException e) {
                caught++;
            }
        }
        return caught;
    }

    static int deep(int n) {
        return deep(n + 1) + 1;
    }

    static int overflows(int number) {
        int caught = 0;
        for (int i = 0; i < number; i++) {
            try {
                deep(0);
            } catch (StackOverflowError e) {
                caught++;
            }
        }
        return caught;
    }

    static int crash() throws Exception {
        Field field = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");
        field.setAccessible(true);
        ((sun.misc.Unsafe) field.get(null)).putAddress(0, 0);
        return 0;
    }

    static void route(HttpExchange x) throws IOException {
        String[] path = x.getRequestURI().getPath().split("/");
        int number = path.length > 2 ? Integer.parseInt(path[2]) : 0, result = 0;
        try {
            switch (path[1]) {
            case "nulls": result = nulls(number); break;
            case "overflows": result = overflows(number); break;
            case "crash": result = crash(); break;
            case "slow": Thread.sleep(2000); break;
            default:
            }
        } catch (Exception e) {
            throw new IOException(e);
        }
        byte[] body = (result + "\n").getBytes();
        x.getResponseHeaders().set("Content-Type", "text/plain");
        x.sendResponseHeaders(200, body.length);
        x.getResponseBody().write(body);
        x.close();
    }

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 512);
        server.createContext("/", CrashJvm::route);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
    }
}
